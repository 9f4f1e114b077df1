// How long a long prompt holds up those who are decoding: the longest gap between two tokens of eight running streams, with
// and without a prompt of 3,000 tokens arriving among them, at several token budgets. A gap is one step, and a step computes at
// most the budget: that is the bound. Times are of the engine's own thread, without sockets.
//
//   npm run bench:prefill-stall -- [--model dir] [--precision int8] [--rounds 3] [--prompt 3000]
import { cpus } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Engine } from "#engine/engine.ts";
import { createCpuExecutor } from "#engine/executor/cpu-executor.ts";
import { usualBlockSize } from "#rpc/config.ts";
import { median } from "./measure.ts";
import { makeRequest, runPrefill } from "./workload.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values: args } = parseArgs({
  options: {
    model: { type: "string", default: `${root}models/pocket` },
    precision: { type: "string", default: "int8" },
    rounds: { type: "string", default: "3" },
    prompt: { type: "string", default: "3000" },
  },
});
const precision = args.precision;
if (precision !== "fp32" && precision !== "int8" && precision !== "int4") throw new Error(`--precision ${precision}`);

const NUM_STREAMS = 8;
const STREAM_PROMPT_TOKENS = 256;
const NUM_STEPS = 60;
const BUDGETS = [128, 256, 512, 1024, 4096];
const numPromptTokens = Number(args.prompt);

interface Gaps {
  readonly medianMs: number;
  readonly longestMs: number;
  /** Steps until the long prompt had its first token; 0 when there was none. */
  readonly numPrefillSteps: number;
}

const executor = await createCpuExecutor({
  modelDir: args.model,
  precision,
  blockSize: usualBlockSize.cpu,
  numBlocks: 16_384 / usualBlockSize.cpu,
  numThreads: 1,
  cacheDir: `${root}.sluice/cache`,
});

const rows = [];
await measureGaps(512, true); // Warms up.
for (const budget of BUDGETS) {
  const rounds: { readonly calm: Gaps; readonly disturbed: Gaps }[] = [];
  for (let round = 0; round < Number(args.rounds); round += 1) {
    rounds.push({ calm: await measureGaps(budget, false), disturbed: await measureGaps(budget, true) });
  }
  const stepMs = median(rounds.map(({ calm }) => calm.medianMs));
  const calmMs = median(rounds.map(({ calm }) => calm.longestMs));
  const disturbedMs = median(rounds.map(({ disturbed }) => disturbed.longestMs));
  rows.push({
    "token budget": budget,
    "decode step, ms": stepMs.toFixed(1),
    "longest gap without, ms": calmMs.toFixed(1),
    "longest gap with, ms": disturbedMs.toFixed(1),
    "in decode steps": (disturbedMs / stepMs).toFixed(1),
    "steps of the prompt": rounds[0]?.disturbed.numPrefillSteps,
  });
}
await executor.close();

console.log(
  `${NUM_STREAMS} streams, a prompt of ${numPromptTokens} tokens; ${basename(args.model)} ${precision}, 1 thread, ` +
    `${cpus()[0]?.model}; medians of ${args.rounds}`,
);
console.table(rows);

/** Every step gives every stream a token, so the time of a step is the gap between two tokens of each. */
async function measureGaps(maxNumBatchedTokens: number, withPrompt: boolean): Promise<Gaps> {
  const limits = { maxNumBatchedTokens, maxNumSeqs: 16, maxQueuedRequests: 16, maxQueuedTokens: 1 << 16 };
  const engine = new Engine(executor, limits, false);
  const { vocabSize } = executor.spec;
  for (let stream = 0; stream < NUM_STREAMS; stream += 1) {
    engine.add(makeRequest({ numPromptTokens: STREAM_PROMPT_TOKENS, maxTokens: NUM_STEPS + 64 }, vocabSize));
  }
  await runPrefill(engine);
  const prompt = makeRequest({ numPromptTokens, maxTokens: 1 }, vocabSize);
  if (withPrompt) engine.add(prompt);
  const gapsMs: number[] = [];
  let numPrefillSteps = 0;
  for (let step = 1; step <= NUM_STEPS; step += 1) {
    const startMs = performance.now();
    const events = await engine.step();
    gapsMs.push(performance.now() - startMs);
    const numStreamTokens = events.filter(({ sequenceId }) => sequenceId !== prompt.sequenceId).length;
    if (numStreamTokens !== NUM_STREAMS) throw new Error(`step ${step} left a stream without a token`);
    if (events.some(({ sequenceId }) => sequenceId === prompt.sequenceId)) numPrefillSteps = step;
  }
  if (withPrompt && numPrefillSteps === 0) throw new Error("the prompt was not computed in time");
  return { medianMs: median(gapsMs), longestMs: Math.max(...gapsMs), numPrefillSteps };
}
