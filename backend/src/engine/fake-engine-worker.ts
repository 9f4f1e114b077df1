// An engine thread for tests: the real loop and engine over the fake executor.
import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "#platform/clock.ts";
import { EngineLoop } from "./engine-loop.ts";
import { typedPort } from "./engine-port.ts";
import type { EngineThreadData } from "./engine-thread.ts";
import { Engine } from "./engine.ts";
import type { ExecutorSpec } from "./executor/executor.ts";
import { FakeExecutor } from "./executor/fake-executor.ts";

export interface FakeEngineOptions {
  readonly spec: Partial<ExecutorSpec>;
  /** A prompt with this token ends the thread. */
  readonly fatalTokenId?: number;
}

if (parentPort === null) throw new Error("this file is a worker's entry");
const { executor: options, limits, speculation }: EngineThreadData<FakeEngineOptions> = workerData;
const executor = new FakeExecutor(options.spec, (batch) => {
  if (batch.some(({ tokenIds }) => tokenIds.some((id) => id === options.fatalTokenId))) process.exit(3);
});
await new EngineLoop(
  new Engine(executor, limits, true, undefined, speculation),
  typedPort(parentPort),
  systemClock,
).run();
parentPort.close();
