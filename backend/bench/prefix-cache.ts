// What the prefix cache costs when nothing is found, what telling a listener of it costs, what it saves when a prefix is found,
// and what a step pays for blocks that lie apart once the pool has been full.
//
//   npm run bench:prefix-cache -- [--model dir] [--precision int8] [--rounds 5]
import { cpus } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { CacheEvents } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { CacheMirror } from "#engine/cache-mirror.ts";
import { Engine } from "#engine/engine.ts";
import { createCpuExecutor } from "#engine/executor/cpu-executor.ts";
import type { Executor } from "#engine/executor/executor.ts";
import type { GenerationRequest } from "#engine/generation.ts";
import { usualBlockSize } from "#rpc/config.ts";
import { median } from "./measure.ts";
import { logNormalLengths, makeRequest, runPrefill, runToEnd } from "./workload.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values: args } = parseArgs({
  options: {
    model: { type: "string", default: `${root}models/pocket` },
    precision: { type: "string", default: "int8" },
    rounds: { type: "string", default: "5" },
  },
});
const precision = args.precision;
if (precision !== "fp32" && precision !== "int8" && precision !== "int4") throw new Error(`--precision ${precision}`);

const BLOCK_SIZE = usualBlockSize.cpu;
const NUM_BLOCKS = 512;
const NUM_STREAMS = 8;
const CACHED_TOKENS = 512;
const PROMPT_TOKENS = 528;
const limits = { maxNumBatchedTokens: 1024, maxNumSeqs: 32, maxQueuedRequests: 1024, maxQueuedTokens: 1 << 20 };

const executor = await createCpuExecutor({
  modelDir: args.model,
  precision,
  blockSize: BLOCK_SIZE,
  numBlocks: NUM_BLOCKS,
  numThreads: 1,
  cacheDir: `${root}.sluice/cache`,
});
const { vocabSize } = executor.spec;
const rounds = Array.from({ length: Number(args.rounds) }, (_, round) => round);

console.log(`${basename(args.model)} ${precision}, 1 thread, blocks of ${BLOCK_SIZE}, ${cpus()[0]?.model}`);
await showCostWithoutHits();
await showCostOfTelling();
await showSaving();
await showScatter();
await executor.close();

/** The same requests with the cache on and off over an executor that does nothing: the difference is the cache's own work. */
async function showCostWithoutHits(): Promise<void> {
  const idle = withoutModel(executor);
  const costs: number[] = [];
  const shares: number[] = [];
  for (const round of rounds) {
    const on: number[] = [];
    const off: number[] = [];
    // The difference is small: many runs, in turns.
    for (let turn = 0; turn < 8; turn += 1) {
      on.push(await serveMixed(idle, true));
      off.push(await serveMixed(idle, false));
    }
    const cost = median(on) - median(off);
    const model = await serveMixed(executor, false);
    if (round === 0) continue; // Warms up.
    costs.push(cost);
    shares.push(cost / model);
  }
  const cost = `${median(costs).toFixed(2)} ms of ${(median(costs) / median(shares)).toFixed(0)} ms CPU`;
  console.log(`no hits:   the cache takes ${(100 * median(shares)).toFixed(3)} % (${cost}, 96 requests)`);
}

/** The same requests with one listener to the cache's changes and with none, in the engine, its client's mirror and the encoding. */
async function showCostOfTelling(): Promise<void> {
  const idle = withoutModel(executor);
  const costs: number[] = [];
  const models: number[] = [];
  for (const round of rounds) {
    const told: number[] = [];
    const untold: number[] = [];
    for (let turn = 0; turn < 8; turn += 1) {
      told.push(await cpuMs(() => serveTold(idle)));
      untold.push(await serveMixed(idle, true));
    }
    const model = await serveMixed(executor, true);
    if (round === 0) continue; // Warms up.
    costs.push(median(told) - median(untold));
    models.push(model);
  }
  const share = (100 * median(costs)) / median(models);
  console.log(
    `told:      a listener takes ${share.toFixed(3)} % (${median(costs).toFixed(2)} ms of ${median(models).toFixed(0)} ms CPU)`,
  );
}

async function serveTold(over: Executor): Promise<void> {
  const engine = new Engine(over, limits);
  const mirror = new CacheMirror((wanted) => engine.followCache(wanted));
  const feed = mirror.open();
  for (const request of mixedRequests(96)) add(engine, request);
  while (engine.hasWork) {
    await engine.step();
    const changes = engine.takeCacheChanges();
    if (changes !== undefined) mirror.apply(changes);
    const news = feed.take(1 << 14);
    if (news !== undefined)
      CacheEvents.encode({ ...news, stored: toBytes(news.stored), evicted: toBytes(news.evicted) }).finish();
  }
}

function toBytes(names: readonly string[]): Uint8Array {
  return Buffer.from(names.join(""), "latin1");
}

function serveMixed(over: Executor, prefixCaching: boolean): Promise<number> {
  const engine = new Engine(over, limits, prefixCaching);
  return cpuMs(() => serve(engine, mixedRequests(96)));
}

async function showSaving(): Promise<void> {
  const engine = new Engine(executor, limits);
  const ratios: number[] = [];
  const colds: number[] = [];
  for (const round of rounds) {
    const cold = makeRequest({ numPromptTokens: PROMPT_TOKENS, maxTokens: 1 }, vocabSize);
    const prefix = cold.promptTokenIds.slice(0, CACHED_TOKENS);
    const coldMs = await cpuMs(() => serve(engine, [cold]));
    const warmMs: number[] = [];
    for (let turn = 0; turn < 5; turn += 1) {
      const warm = makeRequest({ numPromptTokens: PROMPT_TOKENS, maxTokens: 1 }, vocabSize);
      const promptTokenIds = [...prefix, ...warm.promptTokenIds.slice(CACHED_TOKENS)];
      warmMs.push(await cpuMs(() => serve(engine, [{ ...warm, promptTokenIds }])));
    }
    if (round === 0) continue;
    colds.push(coldMs);
    ratios.push(coldMs / median(warmMs));
  }
  const { prefixCacheHits, prefixCacheQueries } = engine.load().totals;
  console.log(
    `warm:      ${CACHED_TOKENS} of ${PROMPT_TOKENS} tokens cached take ${median(ratios).toFixed(1)} times less CPU ` +
      `(cold ${median(colds).toFixed(1)} ms; hits ${prefixCacheHits} of ${prefixCacheQueries} tokens in all)`,
  );
}

/** Decode steps after traffic has filled the pool several times over, cache on against off. */
async function showScatter(): Promise<void> {
  const ratios: number[] = [];
  const steps: number[] = [];
  for (const round of rounds) {
    const msOf = async (prefixCaching: boolean): Promise<number> => {
      const engine = new Engine(executor, limits, prefixCaching);
      await serve(engine, mixedRequests(128));
      for (let stream = 0; stream < NUM_STREAMS; stream += 1) {
        add(engine, makeRequest({ numPromptTokens: 384, maxTokens: 65 }, vocabSize));
      }
      await runPrefill(engine);
      return (await cpuMs(() => runToEnd(engine))) / 64;
    };
    const off = await msOf(false);
    const on = await msOf(true);
    if (round === 0) continue;
    steps.push(off);
    ratios.push(on / off);
  }
  console.log(
    `scattered: a decode step of ${NUM_STREAMS} takes ${median(ratios).toFixed(3)} times the CPU ` +
      `with the pool full of cached blocks (${median(steps).toFixed(2)} ms without the cache)`,
  );
}

/** Prompts and outputs of log-normal lengths; no two prompts begin alike. */
function mixedRequests(count: number): GenerationRequest[] {
  const prompts = logNormalLengths(count, 256, 0.6, 1024);
  const outputs = logNormalLengths(count, 32, 0.6, 128);
  return prompts.map((numPromptTokens, index) =>
    makeRequest({ numPromptTokens, maxTokens: outputs[index] ?? 1 }, vocabSize),
  );
}

async function serve(engine: Engine, requests: readonly GenerationRequest[]): Promise<void> {
  for (const request of requests) add(engine, request);
  await runToEnd(engine);
}

function add(engine: Engine, request: GenerationRequest): void {
  const admission = engine.add(request);
  if (!admission.admitted) throw new Error(admission.detail);
}

/** Gives logits of zero at no cost. */
function withoutModel({ spec }: Executor): Executor {
  const logits = new Float32Array(limits.maxNumSeqs * spec.vocabSize);
  return { spec, execute: () => Promise.resolve(logits), close: () => Promise.resolve() };
}

/** Processor time of all threads. */
async function cpuMs(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3;
}
