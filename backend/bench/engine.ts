// What the engine does on this machine, without sockets: prefill and decode at several batch sizes, and continuous
// against static batching. Whatever is compared is measured in the same run, its rounds interleaved.
//
//   npm run bench:engine -- [--model dir] [--precision int8] [--threads 1] [--rounds 3] [--json file]
import { writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Engine } from "#engine/engine.ts";
import { createCpuExecutor } from "#engine/executor/cpu-executor.ts";
import { continuousCase, decodeCase, NUM_SLOTS, OUTPUT_LENGTHS, prefillCase, staticCase } from "./cases.ts";
import { medianRate, type Rate } from "./measure.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values: args } = parseArgs({
  options: {
    model: { type: "string", default: `${root}models/pocket` },
    precision: { type: "string", default: "int8" },
    threads: { type: "string", default: "1" },
    rounds: { type: "string", default: "3" },
    json: { type: "string" },
  },
});
const precision = args.precision;
if (precision !== "fp32" && precision !== "int8" && precision !== "int4") throw new Error(`--precision ${precision}`);

const executor = await createCpuExecutor({
  modelDir: args.model,
  precision,
  blockSize: 64,
  numBlocks: NUM_SLOTS * 12,
  numThreads: Number(args.threads),
  cacheDir: `${root}.sluice/cache`,
});
const engine = new Engine(executor, {
  maxNumBatchedTokens: 512,
  maxNumSeqs: NUM_SLOTS,
  maxQueuedRequests: OUTPUT_LENGTHS.length,
  maxQueuedTokens: 1 << 20,
});
const cases = [
  ...[1, 8, NUM_SLOTS].map((numSequences) => prefillCase(engine, numSequences)),
  ...[1, 8, NUM_SLOTS].map((numSequences) => decodeCase(engine, numSequences)),
  staticCase(engine),
  continuousCase(engine),
];

// The first round warms up and is not counted.
const rounds: Rate[][] = [];
for (let round = 0; round <= Number(args.rounds); round += 1) {
  const rates: Rate[] = [];
  for (const { run } of cases) rates.push(await run());
  if (round > 0) rounds.push(rates);
}
await engine.close();

const medians = cases.map(({ name }, index) => ({
  name,
  ...medianRate(rounds.flatMap((rates) => rates.slice(index, index + 1))),
}));
/** How many times faster the first case is than the second. */
function ratio(first: string, second: string): Rate {
  const [a, b] = [first, second].map((name) => medians.find((each) => each.name === name));
  if (a === undefined || b === undefined) throw new Error(`no such cases: ${first}, ${second}`);
  return { perSecond: a.perSecond / b.perSecond, perCpuSecond: a.perCpuSecond / b.perCpuSecond };
}

const report = {
  model: basename(args.model),
  precision,
  numThreads: Number(args.threads),
  processor: cpus()[0]?.model,
  numRounds: rounds.length,
  medians,
  ratios: {
    "decode 8 over 1": ratio("decode 8", "decode 1"),
    [`decode ${NUM_SLOTS} over 1`]: ratio(`decode ${NUM_SLOTS}`, "decode 1"),
    "continuous over static batching": ratio("continuous batching", "static batching"),
  },
};

console.log(
  `${report.model} ${precision}, ${report.numThreads} thread(s), ${report.processor}, medians of ${rounds.length}`,
);
console.table(
  medians.map(({ name, perSecond, perCpuSecond }) => ({
    case: name,
    "tok/s": Math.round(perSecond),
    "tok/CPU-s": Math.round(perCpuSecond),
  })),
);
console.table(
  Object.entries(report.ratios).map(([name, { perSecond, perCpuSecond }]) => ({
    ratio: name,
    "by the clock": perSecond.toFixed(2),
    "by CPU time": perCpuSecond.toFixed(2),
  })),
);
if (args.json !== undefined) await writeFile(args.json, `${JSON.stringify(report, null, 2)}\n`);
