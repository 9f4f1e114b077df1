// node-llama-cpp: what a Node user would pick. It runs in a process of its own, so that its time can be told from the bench's.
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { BenchChild } from "./child-process.ts";
import type { Contender, PrecisionClass } from "./contender.ts";
import type { FromWorker, WorkerJob, WorkerSetup } from "./node-llama-cpp-worker.ts";

const worker = fileURLToPath(new URL("node-llama-cpp-worker.ts", import.meta.url));

interface LiveJob {
  readonly push: (tokenIds: readonly number[]) => void;
  readonly end: (error?: Error) => void;
}

/** `packageDir` is where node-llama-cpp is installed; `ggufs` is precision class -> GGUF file. */
export function nodeLlamaCpp(packageDir: string, ggufs: Readonly<Record<PrecisionClass, string>>): Contender {
  return {
    name: "node-llama-cpp",
    async start({ precision, ...setup }) {
      const workerSetup: WorkerSetup = { ...setup, packageDir, gguf: ggufs[precision] };
      const child = new BenchChild(process.execPath, [worker, JSON.stringify(workerSetup)], { ipc: true });
      await Promise.race([once(child.process, "message"), child.died]);

      const live = new Map<number, LiveJob>(); // job id -> its stream
      child.process.on("message", (message: FromWorker) => deliver(message, live));
      let numJobs = 0;
      return {
        pid: child.pid,
        generate(job) {
          const id = numJobs++;
          const stream = new ReadableStream<readonly number[]>({
            start(controller) {
              live.set(id, {
                push: (tokenIds) => controller.enqueue(tokenIds),
                end: (error) => (error === undefined ? controller.close() : controller.error(error)),
              });
            },
          });
          const workerJob: WorkerJob = { ...job, id };
          child.process.send(workerJob);
          return stream;
        },
        stop: () => child.stop(),
      };
    },
  };
}

function deliver(message: FromWorker, live: Map<number, LiveJob>): void {
  switch (message.kind) {
    case "ready":
      break;
    case "tokens":
      for (const [id, tokenId] of message.tokens) live.get(id)?.push([tokenId]);
      break;
    case "ended":
      live.get(message.id)?.end(message.error === undefined ? undefined : new Error(message.error));
      live.delete(message.id);
      break;
  }
}
