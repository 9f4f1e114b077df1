// Sluice's engine as it is deployed: its own process with gRPC, scheduler and sampling.
import type { GenerateRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { EngineClient } from "#ingress/engines/engine-client.ts";
import { usualBlockSize } from "#rpc/config.ts";
import type { Contender, Job, PrecisionClass, RunningContender, Setup } from "./contender.ts";
import { startEngineProcess } from "./engine-process.ts";

const precisions: Readonly<Record<PrecisionClass, string>> = {
  fp16: "fp32",
  "8bit": "int8",
  "4bit": "int4",
  "4bit-pure": "int4",
};
/** The pool is this much larger than the live sequences need, as the blocks of the last prompts stay in it. */
const poolSlack = 1.25;
const jobTimeoutMs = 20 * 60_000;

export interface SluiceSetup extends Setup {
  /** Tokens a KV block holds. */
  readonly blockSize?: number;
  /** Requests that may wait while numSequences run. */
  readonly maxQueuedRequests?: number;
}

export interface RunningSluice extends RunningContender {
  readonly client: EngineClient;
}

export function sluice(modelDir: string, cacheDir: string): Contender {
  return { name: "sluice", start: (setup) => startSluice(modelDir, cacheDir, setup) };
}

export async function startSluice(modelDir: string, cacheDir: string, setup: SluiceSetup): Promise<RunningSluice> {
  const { child, client, stop } = await startEngineProcess(environment(modelDir, cacheDir, setup));
  let numJobs = 0;
  return {
    client,
    pid: child.pid,
    async *generate(job) {
      const request = toRequest(job, `bench-${numJobs++}`);
      const limits = { signal: new AbortController().signal, deadlineMs: Date.now() + jobTimeoutMs };
      for await (const messages of client.generate(request, limits)) {
        const tokenIds = messages.flatMap((message) => message.tokenIds);
        if (tokenIds.length > 0) yield tokenIds;
      }
    },
    stop,
  };
}

function environment(modelDir: string, cacheDir: string, setup: SluiceSetup): NodeJS.ProcessEnv {
  const { blockSize = usualBlockSize.cpu, numSequences, maxSequenceTokens } = setup;
  const numBlocks = Math.ceil(numSequences * Math.ceil(maxSequenceTokens / blockSize) * poolSlack) + 1;
  return {
    SLUICE_MODEL_DIR: modelDir,
    SLUICE_CACHE_DIR: cacheDir,
    SLUICE_PRECISION: precisions[setup.precision],
    SLUICE_NUM_THREADS: String(setup.numThreads),
    SLUICE_BLOCK_SIZE: String(blockSize),
    SLUICE_NUM_BLOCKS: String(numBlocks),
    SLUICE_NUM_SPECULATIVE_TOKENS: "0",
    SLUICE_MAX_NUM_SEQS: String(numSequences),
    SLUICE_MAX_QUEUED_REQUESTS: String(setup.maxQueuedRequests ?? numSequences),
    SLUICE_MAX_QUEUED_TOKENS: String(2 ** 22),
  };
}

function toRequest({ promptTokenIds, maxTokens }: Job, requestId: string): GenerateRequest {
  return {
    requestId,
    promptTokenIds: [...promptTokenIds],
    sampling: { temperature: 0, topP: 1, topK: 0 },
    stopping: { maxTokens, stopTokenIds: [] },
    priority: 0,
    cacheSalt: "",
    tenant: "",
  };
}
