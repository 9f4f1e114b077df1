import { SHARE_ENV, Worker } from "node:worker_threads";
import { EngineClient } from "./engine-client.ts";
import { typedPort } from "./engine-port.ts";
import type { ModelGrammarsOptions } from "./grammar/model-grammars.ts";
import { maxLiveSequences, type SchedulerLimits } from "./scheduler/scheduler-limits.ts";
import type { SpeculationParams } from "./speculation/speculation-params.ts";

/** What an engine's thread starts from; crosses to it as workerData. */
export interface EngineThreadData<ExecutorOptions> {
  readonly executor: ExecutorOptions;
  readonly limits: SchedulerLimits;
  /** On by default. */
  readonly prefixCaching?: boolean;
  /** Absent: no tokens are guessed ahead. */
  readonly speculation?: SpeculationParams;
  /** Absent: requests with grammars are refused. */
  readonly grammars?: ModelGrammarsOptions;
}

export interface EngineThread {
  readonly client: EngineClient;
  /** Settles when the thread ends by itself, with why: a load that failed, a crash. Pending after `close`. */
  readonly died: Promise<Error>;
  /** Lets the step under way finish, frees the model and ends the thread. */
  close(): Promise<void>;
}

/** Starts an engine in a thread of its own. The model is loaded when `client.model` appears. */
export function startEngineThread<ExecutorOptions>(entry: URL, data: EngineThreadData<ExecutorOptions>): EngineThread {
  // What native code is told by the environment it reads from the process's own (silence-telemetry.ts).
  const worker = new Worker(entry, { workerData: data, name: "engine", env: SHARE_ENV });
  const client = new EngineClient(typedPort(worker), maxLiveSequences(data.limits));
  const exited = new Promise<number>((resolve) => worker.once("exit", resolve));
  let closing = false;
  const died = new Promise<Error>((resolve) => {
    const die = (error: Error): void => {
      client.fail(`the engine's thread ended: ${error.message}`);
      if (!closing) resolve(error);
    };
    worker.once("error", (thrown) => die(thrown instanceof Error ? thrown : new Error(String(thrown))));
    void exited.then((code) => die(new Error(`exit code ${code}`)));
  });
  const close = async (): Promise<void> => {
    closing = true;
    client.close();
    await exited;
  };
  return { client, died, close };
}
