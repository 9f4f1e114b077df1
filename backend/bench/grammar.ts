// What a grammar costs, and whether it holds. Eight sequences decode side by side, with a schema and without, in turns; streams
// run while new schemas come, which another thread compiles; schemas are compiled over a larger vocabulary; random
// patterns and schemas are held against RegExp and ajv; and as many outputs as asked for are sampled from the model at temperature
// 1 under each of the test schemas, and held against ajv. Times are of the engine's own thread, without sockets.
//
//   npm run bench:grammar -- [--model dir] [--precision int8] [--rounds 5] [--samples 1000] [--patterns 1000] [--schemas 1000]
//     [--vocabulary 32000]
import { cpus } from "node:os";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { jsonSchemas } from "@sluice/shared/test-data/json-schemas.ts";
import type { GrammarId } from "#engine/grammar/compiled-grammar.ts";
import { LocalGrammars } from "#engine/grammar/local-grammars.ts";
import { checkRandomPatterns, checkRandomSchemas } from "./grammar/check-random.ts";
import { measureStalls } from "./grammar/compile-stall.ts";
import { extendVocabulary, measureVocabulary } from "./grammar/large-vocabulary.ts";
import { BATCH, createGrammarEngine, pocketDir } from "./grammar/pocket-engine.ts";
import { sampleOutputs } from "./grammar/sample-outputs.ts";
import { jsonLines } from "./json-lines.ts";
import { median } from "./measure.ts";

const { values: args } = parseArgs({
  options: {
    model: { type: "string", default: pocketDir },
    precision: { type: "string", default: "int8" },
    rounds: { type: "string", default: "5" },
    samples: { type: "string", default: "1000" },
    patterns: { type: "string", default: "1000" },
    schemas: { type: "string", default: "1000" },
    vocabulary: { type: "string", default: "32000" },
  },
});
const precision = args.precision;
if (precision !== "fp32" && precision !== "int8" && precision !== "int4") throw new Error(`--precision ${precision}`);

const NUM_TOKENS = 200;

const sampler = await createGrammarEngine(args.model, precision);
const { engine, compile, add, tokenBytes } = sampler;

const rounds: { readonly free: number; readonly bound: number }[] = [];
const endlessId = (await compile(jsonLines())).id;
await decode(endlessId); // Warms up.
for (let round = 0; round < Number(args.rounds); round += 1) {
  rounds.push({ free: await decode(undefined), bound: await decode(endlessId) });
}
const free = median(rounds.map((round) => round.free));
const bound = median(rounds.map((round) => round.bound));
const ratio = median(rounds.map((round) => round.bound / round.free));

console.log(
  `${basename(args.model)} ${precision}, one thread of ${cpus()[0]?.model}, batch ${BATCH}, ${NUM_TOKENS} tokens each`,
);
console.table([
  { output: "free", "tok per CPU-second": Math.round(free) },
  { output: "under a schema", "tok per CPU-second": Math.round(bound), "of free": ratio.toFixed(3) },
]);

const stalls = await measureStalls(sampler, Number(args.rounds));
console.log(
  `longest gap between tokens of ${BATCH - 1} running streams, in ms, while nothing and while a schema is compiled`,
);
console.table(
  stalls.map(({ schema, writeMs, compileMs, usual, withIt }) => ({
    schema,
    "written in": writeMs.toFixed(1),
    "compiled in": compileMs.toFixed(0),
    "usual gap": usual.wallMs.toFixed(1),
    "gap with it": withIt.wallMs.toFixed(1),
    "usual, of the engine's thread": usual.threadMs.toFixed(1),
    "with it": withIt.threadMs.toFixed(1),
  })),
);

const numTokens = Number(args.vocabulary);
const vocabulary = await measureVocabulary(extendVocabulary(tokenBytes, numTokens));
console.log(`over a vocabulary of ${numTokens} tokens, in ms of the processor`);
console.table(
  vocabulary.map(({ schema, compileMs, sizeBytes, installMs }) => ({
    schema,
    compiled: compileMs.toFixed(0),
    KiB: (sizeBytes / 1024).toFixed(0),
    installed: installMs.toFixed(1),
  })),
);

const patterns = checkRandomPatterns(Number(args.patterns));
const local = await LocalGrammars.create(tokenBytes);
const schemas = checkRandomSchemas({ grammars: local, tokenBytes }, Number(args.schemas));
const numPerSchema = Math.ceil(Number(args.samples) / Object.keys(jsonSchemas).length);
const samples = await sampleOutputs(sampler, jsonSchemas, numPerSchema);
await sampler.close();

const problems = [...patterns.problems, ...schemas.problems, ...samples.wrong];
console.table([
  { "random patterns": patterns.numPatterns, "texts tried": patterns.numTexts, wrong: patterns.problems.length },
  {
    "random schemas": schemas.numSchemas,
    "texts taken": schemas.numEnded + schemas.numNear,
    wrong: schemas.problems.length,
  },
]);
console.table([
  {
    schemas: samples.numSchemas,
    "sampled outputs that ended": samples.numEnded,
    valid: samples.numValid,
    "cut off besides": samples.numCutOff,
  },
]);
for (const each of problems) console.log(each);
if (problems.length > 0) process.exitCode = 1;

/** Tokens in a second of this process's processor time. */
async function decode(grammar: GrammarId | undefined): Promise<number> {
  for (let index = 0; index < BATCH; index += 1) add(grammar, NUM_TOKENS, false);
  await engine.step(); // The prompts.
  const startedUs = cpuUs();
  let numTokens = 0;
  while (engine.hasWork)
    for (const event of await engine.step()) if (event.kind === "tokens") numTokens += event.tokenIds.length;
  return numTokens / ((cpuUs() - startedUs) / 1e6);
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
