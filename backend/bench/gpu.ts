// What a GPU makes of the engine: decode at several batch sizes, through scheduler and sampling, with the step's time split
// into the device's run and the rest, and what was read from the device's memory against what its bandwidth allows.
//
//   npm run bench:gpu -- --bandwidth 4800 [--model dir] [--precision int8] [--batches 1,8,32,128] [--context 512] [--steps 64]
//                        [--transformers python3] [--json file]
//
// `--bandwidth` is the device's, in GB/s, from its data sheet; WebGPU cannot tell it. `--transformers` names a Python that has
// torch and transformers: the same weights and lengths are then given to `generate` on the same machine (bench/gpu/generate.py).
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { Engine } from "#engine/engine.ts";
import { planDeviceMemory } from "#engine/executor/webgpu/device-memory.ts";
import { createWebGpuExecutor } from "#engine/executor/webgpu/webgpu-executor.ts";
import { readConfig } from "#engine/graph/config.ts";
import type { DevicePrecision } from "#engine/graph/linear.ts";
import { usualBlockSize } from "#rpc/config.ts";
import { ClockedExecutor } from "./gpu/clocked-executor.ts";
import { median } from "./measure.ts";
import { randomCheckpoint } from "./random-checkpoint.ts";
import { makeRequest, runPrefill, runToEnd } from "./workload.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const blockSize = usualBlockSize.webgpu;
/** Of the prompt's tokens in a step. */
const tokenBudget = 2048;
/** First steps of a decode that do not count: kernels may still be compiled. */
const numWarmSteps = 4;

const { values: args } = parseArgs({
  options: {
    model: { type: "string" },
    precision: { type: "string", default: "int8" },
    batches: { type: "string", default: "1,8,32,128" },
    context: { type: "string", default: "512" },
    steps: { type: "string", default: "64" },
    bandwidth: { type: "string" },
    transformers: { type: "string" },
    json: { type: "string" },
  },
});
const precision = parsePrecision(args.precision);
const batches = args.batches.split(",").map(Number);
const context = Number(args.context);
const numSteps = Number(args.steps);
const bandwidthGbps = args.bandwidth === undefined ? undefined : Number(args.bandwidth);
const modelDir = args.model ?? (await randomCheckpoint(`${root}.sluice/bench`, "smollm2-135m"));
const config = await readConfig(modelDir);

interface Row {
  readonly batch: number;
  readonly tokensPerSecond: number;
  readonly stepMs: number;
  readonly deviceMs: number;
  readonly prefillTokensPerSecond: number;
  readonly megabytesPerStep: number;
  /** Of the time that the bandwidth alone would take. */
  readonly shareOfRoofline: number | undefined;
  readonly transformersTokensPerSecond: number | undefined;
}

const mostTokens = context + numSteps + numPrefillSteps(Math.max(...batches));
const numBlocks = Math.max(...batches) * Math.ceil(mostTokens / blockSize);
const cacheDir = `${root}.sluice/cache`;
const executor = await createWebGpuExecutor({ modelDir, precision, blockSize, numBlocks, cacheDir });
const peers = args.transformers === undefined ? new Map<number, number>() : await runTransformers(args.transformers);
const rows: Row[] = [];
for (const batch of batches) {
  rows.push(await measure(batch));
  console.table(rows);
}
if (args.json !== undefined) {
  await writeFile(args.json, JSON.stringify({ modelDir, precision, context, numSteps, bandwidthGbps, rows }, null, 2));
}
await executor.close();

async function measure(batch: number): Promise<Row> {
  const clocked = new ClockedExecutor(executor);
  const limits = {
    maxNumBatchedTokens: tokenBudget,
    maxNumSeqs: batch,
    maxQueuedRequests: batch,
    maxQueuedTokens: 1e9,
  };
  const engine = new Engine(clocked, limits, false);
  // Those whose prompts come first decode while the last ones' are computed; they must not end before all decode together.
  const maxTokens = numSteps + numPrefillSteps(batch);
  for (let index = 0; index < batch; index++) {
    engine.add(makeRequest({ numPromptTokens: context, maxTokens }, config.vocabSize));
  }
  const startMs = performance.now();
  await runPrefill(engine);
  const prefillMs = performance.now() - startMs;

  const stepsMs: number[] = [];
  const devicesMs: number[] = [];
  while (engine.load().numRunning === batch) {
    const before = performance.now();
    await engine.step();
    stepsMs.push(performance.now() - before);
    devicesMs.push(clocked.lastMs);
  }
  await runToEnd(engine);
  const stepMs = median(stepsMs.slice(numWarmSteps));
  const bytes = bytesPerStep(batch);
  return {
    batch,
    tokensPerSecond: (1000 * batch) / stepMs,
    stepMs,
    deviceMs: median(devicesMs.slice(numWarmSteps)),
    prefillTokensPerSecond: (1000 * batch * context) / prefillMs,
    megabytesPerStep: bytes / 1e6,
    shareOfRoofline: bandwidthGbps === undefined ? undefined : bytes / (bandwidthGbps * 1e6) / stepMs,
    transformersTokensPerSecond: peers.get(batch),
  };
}

function parsePrecision(name: string): DevicePrecision {
  if (name !== "fp16" && name !== "int8" && name !== "int4") throw new Error(`--precision ${name}`);
  return name;
}

function numPrefillSteps(batch: number): number {
  return Math.ceil((batch * context) / (tokenBudget - batch)) + batch;
}

/** What a decode must read at least: every weight that is multiplied with once, and the K and V of every sequence. */
function bytesPerStep(batch: number): number {
  const tokens = context + numSteps / 2;
  const { weightsBytes, kvBytes } = planDeviceMemory(config, { precision, blockSize: 1, numBlocks: batch * tokens });
  // Of an embedding that is not the output matrix itself, only a row a token is read.
  const embeddingBytes = config.tiedEmbeddings && precision === "fp16" ? 0 : config.vocabSize * config.hiddenSize * 2;
  return weightsBytes - embeddingBytes + kvBytes;
}

// batch -> tokens per second
async function runTransformers(python: string): Promise<Map<number, number>> {
  const script = fileURLToPath(new URL("gpu/generate.py", import.meta.url));
  const options = [modelDir, args.batches, args.context, args.steps];
  const { stdout } = await promisify(execFile)(python, [script, ...options], { maxBuffer: 1 << 24 });
  const measured: Record<string, number> = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
  return new Map(Object.entries(measured).map(([batch, rate]) => [Number(batch), rate]));
}
