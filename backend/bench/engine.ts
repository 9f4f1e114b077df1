// Sluice's engine against others, in one run: the same random weights in the same class of precision, as many threads, the same
// prompts, their rounds in turns. Each contender is a process of its own that is spoken to over its own wire; what counts
// is that process's time, with all that it does besides the forward pass. Linux only (see contenders/process-cpu.ts).
//
//   npm run bench:engine -- --help
import { access, readFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { measureBatching } from "./cases/batching.ts";
import { compareTokens } from "./cases/conformance.ts";
import { measureKvWaste } from "./cases/kv-waste.ts";
import { type Cell, measureCell } from "./cases/prefill-and-decode.ts";
import { measureWarmPrefix } from "./cases/warm-prefix.ts";
import type { Contender } from "./contenders/contender.ts";
import { installNodeLlamaCpp, nodeLlamaCppVersion } from "./contenders/install-node-llama-cpp.ts";
import { llamaServer } from "./contenders/llama-server.ts";
import { nodeLlamaCpp } from "./contenders/node-llama-cpp.ts";
import { sluice } from "./contenders/sluice.ts";
import { type BenchModel, prepareModel } from "./models.ts";
import { help, type Options, parseOptions } from "./options.ts";
import { describeRun, openReport, saveReport } from "./report/report-file.ts";
import { renderReport, summarizeCell } from "./report/tables.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cacheDir = `${root}.sluice/cache`;

// Leaving by way of `exit` takes the contenders along.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
const startMs = performance.now();
const options = readOptions();
say("weights");
const model = await prepareModel(`${root}.sluice/bench`);
const vocabSize = await readVocabSize(model.modelDir);
const contenders = await gather(options, model);
const head = describeRun(basename(model.modelDir), contenders, options.numRounds);
const report = await openReport(options.json, head);
const steps = planSteps();
for (const [index, { name, run }] of steps.entries()) {
  say(`${index + 1} of ${steps.length}: ${name}`);
  await run();
  if (options.json !== undefined) await saveReport(options.json, report);
}
process.stdout.write(renderReport(report));

interface Step {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/** What the report does not hold yet. */
function planSteps(): readonly Step[] {
  const steps: Step[] = [];
  const wants = (section: Options["sections"][number]): boolean => options.sections.includes(section);
  if (wants("conformance") && report.conformance.length === 0) {
    const run = async (): Promise<void> =>
      void report.conformance.push(...(await compareTokens(contenders, vocabSize)));
    steps.push({ name: "whether all compute the same model", run });
  }
  for (const cell of wants("cells") ? options.cells : []) {
    if (report.cells.some((seen) => isSameCell(seen, cell))) continue;
    steps.push({
      name: `${cell.precision}, ${cell.numThreads} threads, ${cell.numSequences} x ${cell.contextTokens} tokens`,
      run: async () => {
        const result = await measureCell(contenders, cell, vocabSize, report.numRounds);
        report.cells.push(result);
        say(summarizeCell(result));
      },
    });
  }
  for (const precision of options.precisions.filter((each) => each !== "fp16")) {
    for (const contender of wants("prefix") ? contenders : []) {
      if (report.warmPrefix.some((seen) => seen.contender === contender.name && seen.precision === precision)) continue;
      steps.push({
        name: `warm prefix, ${precision}, ${contender.name}`,
        run: async () =>
          void report.warmPrefix.push(await measureWarmPrefix(contender, precision, vocabSize, report.numRounds)),
      });
    }
  }
  // Of the engine's own policies one precision tells enough.
  const [precision = "8bit"] = options.precisions;
  if (wants("batching") && report.batching.length === 0) {
    const run = async (): Promise<void> => {
      const numRounds = Math.min(2, report.numRounds);
      const args = [model.modelDir, cacheDir, precision, vocabSize, numRounds, options.numBatchingRequests] as const;
      report.batching.push(await measureBatching(...args));
    };
    steps.push({ name: "continuous and static batching", run });
  }
  for (const blockSize of wants("waste") ? options.wasteBlockSizes : []) {
    if (report.kvWaste.some((seen) => seen.blockSize === blockSize)) continue;
    steps.push({
      name: `KV waste, blocks of ${blockSize}`,
      run: async () =>
        void report.kvWaste.push(await measureKvWaste(model.modelDir, cacheDir, precision, blockSize, vocabSize)),
    });
  }
  return steps;
}

function isSameCell(a: Cell, b: Cell): boolean {
  const keys = ["precision", "numThreads", "numSequences", "contextTokens"] as const;
  return keys.every((key) => a[key] === b[key]);
}

async function gather({ llamaServer: binary, nodeLlamaCpp: wanted }: Options, { modelDir, ggufs }: BenchModel) {
  const all: Contender[] = [sluice(modelDir, cacheDir)];
  if (binary !== undefined) {
    await access(binary);
    all.push(llamaServer(binary, ggufs));
  }
  if (wanted) {
    const packageDir = `${root}.sluice/bench/node-llama-cpp`;
    say(`node-llama-cpp ${nodeLlamaCppVersion}`);
    await installNodeLlamaCpp(packageDir);
    all.push(nodeLlamaCpp(packageDir, ggufs));
  }
  return all;
}

async function readVocabSize(modelDir: string): Promise<number> {
  const config = JSON.parse(await readFile(`${modelDir}/config.json`, "utf8")) as { readonly vocab_size: number };
  return config.vocab_size;
}

function readOptions(): Options {
  const parsed = parse();
  if (parsed === "help") {
    process.stdout.write(help);
    process.exit(0);
  }
  if (parsed.numLeftOut > 0) say(`${parsed.numLeftOut} cells of too many tokens are left out`);
  return parsed;
}

function parse(): Options | "help" {
  try {
    return parseOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exit(1);
  }
}

function say(line: string): void {
  const seconds = ((performance.now() - startMs) / 1000).toFixed(0);
  process.stderr.write(`${seconds.padStart(5)} s  ${line}\n`);
}
