import type { GenerateRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { Engine } from "#ingress/engines/engine.ts";
import { EnginePool } from "#ingress/engines/engine-pool.ts";
import { systemClock } from "#platform/clock.ts";
import { createLogger } from "#platform/logger.ts";
import { type EngineProcess, startEngineProcess } from "../contenders/engine-process.ts";
import { cpuMsOf } from "../contenders/process-cpu.ts";
import type { Arrival } from "./traffic.ts";

export interface RealHouse {
  readonly modelDir: string;
  readonly cacheDir: string;
  readonly numEngines: number;
  readonly numBlocks: number;
  readonly blockSize: number;
  /** Requests under way at once. */
  readonly concurrency: number;
}

/** What serving all of them came to. */
export interface RealOutcome {
  readonly policy: string;
  readonly hitRate: number;
  /** Processor time of the engines for each request. */
  readonly cpuMsPerRequest: number;
}

const timeoutMs = 10 * 60_000;
const logger = createLogger("bench", "silent");

/** Real engines, each a process, asked by the ingress's own pool: over gRPC, with Watch, cache events and all. */
export async function serveForReal(house: RealHouse, arrivals: readonly Arrival[]): Promise<RealOutcome[]> {
  const { modelDir, cacheDir, numEngines, numBlocks, blockSize } = house;
  const env = {
    SLUICE_MODEL_DIR: modelDir,
    SLUICE_MODEL_ID: "model",
    SLUICE_CACHE_DIR: cacheDir,
    SLUICE_NUM_THREADS: "1",
    SLUICE_NUM_BLOCKS: String(numBlocks),
    SLUICE_BLOCK_SIZE: String(blockSize),
  };
  const processes = await Promise.all(Array.from({ length: numEngines }, () => startEngineProcess(env)));
  const addresses = processes.map(({ address }) => address);
  const outcomes: RealOutcome[] = [];
  for (const [policy, pools] of [
    // Each pool has one engine: which is taken is drawn.
    ["random", await Promise.all(addresses.map((address) => openPool([address], 0)))],
    ["without prefixes", [await openPool(addresses, 0)]],
    ["prefix-aware", [await openPool(addresses, 131_072)]],
  ] as const) {
    outcomes.push(await servePolicy(policy, pools, processes, house.concurrency, arrivals));
    for (const pool of pools) pool.close();
  }
  await Promise.all(processes.map(({ stop }) => stop()));
  return outcomes;
}

/** Resolves when all its engines serve. */
async function openPool(addresses: readonly string[], maxKnownBlocks: number): Promise<EnginePool> {
  const parts = { modelId: "model", maxKnownBlocks, clock: systemClock, random: Math.random, logger };
  const pool = new EnginePool((address) => new Engine(address, parts), Math.random);
  pool.setAddresses(addresses);
  while (!pool.engines.every(({ isServing }) => isServing)) await new Promise((resolve) => setTimeout(resolve, 20));
  return pool;
}

async function servePolicy(
  policy: string,
  pools: readonly EnginePool[],
  processes: readonly EngineProcess[],
  concurrency: number,
  arrivals: readonly Arrival[],
): Promise<RealOutcome> {
  const cpuMs = (): number => processes.reduce((sum, { child }) => sum + cpuMsOf(child.pid), 0);
  const beforeMs = cpuMs();
  let numPromptTokens = 0;
  let numCachedTokens = 0;
  const waiting = arrivals.entries();
  const serveOn = async (): Promise<void> => {
    for (const [index, arrival] of waiting) {
      const pool = pools[Math.floor(Math.random() * pools.length)];
      const limits = { signal: new AbortController().signal, deadlineMs: Date.now() + timeoutMs };
      // A salt of the policy's own: what another computed is not found.
      const request = toRequest(`${policy} ${index}`, `${policy} ${arrival.tenant}`, arrival);
      for await (const { responses } of pool?.generate(request, limits) ?? []) {
        for (const { finish } of responses) {
          numPromptTokens += finish?.promptTokens ?? 0;
          numCachedTokens += finish?.cachedTokens ?? 0;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, serveOn));
  return {
    policy,
    hitRate: numCachedTokens / numPromptTokens,
    cpuMsPerRequest: (cpuMs() - beforeMs) / arrivals.length,
  };
}

function toRequest(
  requestId: string,
  cacheSalt: string,
  { promptTokenIds, tenant, maxTokens }: Arrival,
): GenerateRequest {
  return {
    requestId,
    promptTokenIds: [...promptTokenIds],
    sampling: { temperature: 0, topP: 1, topK: 0 },
    stopping: { maxTokens, stopTokenIds: [] },
    priority: 0,
    cacheSalt,
    tenant,
    n: 1,
  };
}
