// Sluice's engine as it is deployed: its own process with gRPC, scheduler and sampling.
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "@sluice/shared/errors.ts";
import type { GenerateRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { EngineClient } from "#ingress/engines/engine-client.ts";
import { BenchChild } from "./child-process.ts";
import type { Contender, Job, PrecisionClass, RunningContender, Setup } from "./contender.ts";

const main = fileURLToPath(new URL("../../src/rpc/main.ts", import.meta.url));
const precisions = { fp16: "fp32", "8bit": "int8", "4bit": "int4" } as const satisfies Record<PrecisionClass, string>;
/** The engine's own default. */
const defaultBlockSize = 64;
/** The pool is this much larger than the live sequences need, as the blocks of the last prompts stay in it. */
const poolSlack = 1.25;
const jobTimeoutMs = 20 * 60_000;
const pollMs = 100;

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
  const child = new BenchChild(process.execPath, [main], { env: environment(modelDir, cacheDir, setup) });
  const port = await child.find(readPort);
  const client = new EngineClient(`127.0.0.1:${port}`);
  await Promise.race([untilLoaded(client), child.died]);
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
    async stop() {
      client.close();
      await child.stop();
    },
  };
}

function environment(modelDir: string, cacheDir: string, setup: SluiceSetup): NodeJS.ProcessEnv {
  const { blockSize = defaultBlockSize, numSequences, maxSequenceTokens } = setup;
  const numBlocks = Math.ceil(numSequences * Math.ceil(maxSequenceTokens / blockSize) * poolSlack) + 1;
  return {
    SLUICE_ENGINE_PORT: "0",
    SLUICE_MODEL_DIR: modelDir,
    SLUICE_CACHE_DIR: cacheDir,
    SLUICE_PRECISION: precisions[setup.precision],
    SLUICE_NUM_THREADS: String(setup.numThreads),
    SLUICE_BLOCK_SIZE: String(blockSize),
    SLUICE_NUM_BLOCKS: String(numBlocks),
    SLUICE_MAX_NUM_SEQS: String(numSequences),
    SLUICE_MAX_QUEUED_REQUESTS: String(setup.maxQueuedRequests ?? numSequences),
    SLUICE_MAX_QUEUED_TOKENS: String(2 ** 22),
  };
}

function readPort(line: string): number | undefined {
  if (!line.startsWith("{")) return undefined;
  const { msg, port } = JSON.parse(line) as { readonly msg?: string; readonly port?: number };
  return msg === "listening" ? port : undefined;
}

async function untilLoaded(client: EngineClient): Promise<void> {
  for (;;) {
    const loaded = await client.getModel().then(
      () => true,
      (error: unknown) => {
        if (error instanceof AppError && error.code === "unavailable") return false;
        throw error;
      },
    );
    if (loaded) return;
    await sleep(pollMs);
  }
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
