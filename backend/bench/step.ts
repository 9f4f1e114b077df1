// Where a decode step's time goes: JavaScript by the part of the engine it belongs to (a sampling profiler), the native run by
// what its nodes do (onnxruntime's own profile, of other steps, because it slows them), and how far attention is from
// reading its keys and values at the memory's speed. Prompts are computed first, which takes minutes where they are long: memory
// that was never written is one page of zeros, which is read from the cache.
//
//   npm run bench:step -- [--precision int8] [--threads 1] [--batch 32] [--context 128] [--steps 50] [--block 32] [--model dir]
import { cpus } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Engine } from "#engine/engine.ts";
import { createCpuExecutor } from "#engine/executor/cpu-executor.ts";
import { readConfig } from "#engine/graph/config.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";
import { usualBlockSize } from "#rpc/config.ts";
import { median } from "./measure.ts";
import { randomCheckpoint } from "./random-checkpoint.ts";
import { readNativeProfile } from "./step/native-profile.ts";
import { measureReadBandwidth } from "./step/read-bandwidth.ts";
import { profileScript } from "./step/script-profile.ts";
import { makeRequest, runPrefill } from "./workload.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values: args } = parseArgs({
  options: {
    model: { type: "string" },
    precision: { type: "string", default: "int8" },
    threads: { type: "string", default: "1" },
    batch: { type: "string", default: "32" },
    context: { type: "string", default: "128" },
    steps: { type: "string", default: "50" },
    block: { type: "string", default: String(usualBlockSize.cpu) },
  },
});
const precision = args.precision;
if (precision !== "fp32" && precision !== "int8" && precision !== "int4") throw new Error(`--precision ${precision}`);
const [numThreads, batch, context, numSteps, blockSize] = [
  args.threads,
  args.batch,
  args.context,
  args.steps,
  args.block,
].map(Number) as [number, number, number, number, number];
const modelDir = args.model ?? (await randomCheckpoint(`${root}.sluice/bench`, "smollm2-135m"));
const config = await readConfig(modelDir);
await using profiles = await temporaryFolder();

const script = await withEngine({}, async (engine) => {
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let step = 0; step < numSteps; step += 1) times.push(await timeStep(engine));
  const { user, system } = process.cpuUsage(before);
  const parts = await profileScript(async () => {
    for (let step = 0; step < numSteps; step += 1) await engine.step();
  });
  return { medianMs: median(times), cpuMs: (user + system) / 1e3 / numSteps, parts };
});
await withEngine({ profilePrefix: join(profiles.path, "native") }, async (engine) => {
  for (let step = 0; step < numSteps; step += 1) await engine.step();
});
const native = await readNativeProfile(profiles.path, numSteps);

const total = [...script.parts.values()].reduce((sum, ms) => sum + ms, 0);
const inNative = script.parts.get("native run") ?? 0;
const nativeTotal = [...native.values()].reduce((sum, ms) => sum + ms, 0);
const parts = new Map<string, number>();
for (const [name, ms] of native) parts.set(`native: ${name}`, (ms / nativeTotal) * (inNative / total));
for (const [name, ms] of script.parts) if (name !== "native run") parts.set(name, ms / total);

console.log(
  `${basename(modelDir)} ${precision}, ${numThreads} thread(s), ${batch} sequences at ${context} tokens, blocks of ${blockSize}, ` +
    `${cpus()[0]?.model}: ${script.medianMs.toFixed(2)} ms a step, ${script.cpuMs.toFixed(2)} ms CPU, ` +
    `${((batch * 1e3) / script.cpuMs).toFixed(0)} tok/CPU-s`,
);
console.table(
  [...parts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([part, share]) => ({
      part,
      "CPU ms a step": (share * script.cpuMs).toFixed(3),
      "%": (100 * share).toFixed(1),
    })),
);
const scriptShare = 1 - inNative / total;
console.log(`JavaScript: ${(100 * scriptShare).toFixed(1)} % of the step`);

const bytes = batch * context * 2 * config.numLayers * config.numKvHeads * config.headDim * 4;
const bytesPerMs = await measureReadBandwidth(numThreads);
const floorMs = bytes / bytesPerMs;
// Processor time is what others on the machine do not disturb; all threads take their share of it.
const attentionMs = ((parts.get("native: attention") ?? 0) * script.cpuMs) / numThreads;
console.log(
  `attention: ${(bytes / 1e6).toFixed(0)} MB of keys and values at ${(bytesPerMs / 1e6).toFixed(1)} GB/s take ` +
    `${floorMs.toFixed(2)} ms; it takes ${attentionMs.toFixed(2)} ms, ${(attentionMs / floorMs).toFixed(2)} times that`,
);

async function timeStep(engine: Engine): Promise<number> {
  const startMs = performance.now();
  await engine.step();
  return performance.now() - startMs;
}

/** Gives `use` an engine in which every sequence is past its prompt and the first steps are done. */
async function withEngine<Result>(
  profile: { readonly profilePrefix?: string },
  use: (engine: Engine) => Promise<Result>,
): Promise<Result> {
  const maxTokens = 2 * numSteps + 16;
  const executor = await createCpuExecutor({
    modelDir,
    precision: precision as "fp32" | "int8" | "int4",
    blockSize,
    numBlocks: batch * Math.ceil((context + maxTokens) / blockSize) + 1,
    numThreads,
    cacheDir: `${root}.sluice/cache`,
    ...profile,
  });
  try {
    const limits = { maxNumBatchedTokens: 512, maxNumSeqs: 256, maxQueuedRequests: 256, maxQueuedTokens: 1 << 24 };
    const engine = new Engine(executor, limits);
    for (let sequence = 0; sequence < batch; sequence += 1) {
      engine.add(makeRequest({ numPromptTokens: context, maxTokens }, executor.spec.vocabSize));
    }
    await runPrefill(engine);
    for (let step = 0; step < 5; step += 1) await engine.step();
    return await use(engine);
  } finally {
    await executor.close();
  }
}
