// What a grammar costs, and whether it holds. Eight sequences decode side by side, with a schema and without, in turns; then
// as many answers as asked for are sampled from the pocket model at temperature 1 under each of the test schemas, and held
// against ajv. Times are of the engine's own thread, without sockets.
//
//   npm run bench:grammar -- [--model dir] [--precision int8] [--rounds 5] [--samples 1000]
import { cpus } from "node:os";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import addFormats from "ajv-formats";
import { Ajv2020 } from "ajv/dist/2020.js";
import { Engine } from "#engine/engine.ts";
import { createCpuExecutor } from "#engine/executor/cpu-executor.ts";
import type { GenerationRequest } from "#engine/generation.ts";
import { createModelGrammars } from "#engine/grammar/model-grammars.ts";
import type { SequenceId } from "#engine/scheduler/sequence-id.ts";
import { jsonSchemas } from "#ingress/fixtures/json-schemas.ts";
import { literal, repeat, sequence } from "#ingress/grammar/expression.ts";
import { GrammarRules } from "#ingress/grammar/grammar-rules.ts";
import { lowerSchema } from "#ingress/grammar/schema/lower-schema.ts";
import { planGrammar } from "#ingress/grammar/plan-grammar.ts";
import { decodeTokens } from "#ingress/text/detokenizer.ts";
import { loadServedModel } from "#ingress/text/served-model.ts";
import { median } from "./measure.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const { values: args } = parseArgs({
  options: {
    model: { type: "string", default: `${root}models/pocket` },
    precision: { type: "string", default: "int8" },
    rounds: { type: "string", default: "5" },
    samples: { type: "string", default: "1000" },
  },
});
const precision = args.precision;
if (precision !== "fp32" && precision !== "int8" && precision !== "int4") throw new Error(`--precision ${precision}`);

const BATCH = 8;
const NUM_TOKENS = 200;
/** An answer that takes longer says nothing of validity: it was cut off. */
const MAX_SAMPLE_TOKENS = 400;

const model = await loadServedModel(args.model, "bench");
const executor = await createCpuExecutor({
  modelDir: args.model,
  precision,
  blockSize: 64,
  numBlocks: 512,
  numThreads: 1,
  cacheDir: `${root}.sluice/cache`,
});
const cache = { maxEntries: 256, maxBytes: 4 * 1024 * 1024 };
const grammars = await createModelGrammars({ modelDir: args.model, cache }, executor.spec.vocabSize);
if (grammars === undefined) throw new Error(`${args.model} has no tokenizer.json`);
const limits = { maxNumBatchedTokens: 2048, maxNumSeqs: BATCH, maxQueuedRequests: 4096, maxQueuedTokens: 1_000_000 };
const engine = new Engine(executor, limits, false, grammars);
const messages = [{ role: "user" as const, content: "Give me a JSON object with name Mira and age 31." }];
const prompt = model.chatTemplate?.render(messages, model.tokenizer.controlText);
const promptTokenIds = await model.tokenizer.encodeRendered(prompt ?? "JSON: ");
let numRequests = 0;

// Lines of JSON without an end, so that both outputs are of one length.
const rules = new GrammarRules();
const line = {
  type: "object",
  properties: {
    name: { type: "string" },
    age: { type: "integer", minimum: 0, maximum: 130 },
    tags: { type: "array", items: { type: "string" } },
  },
  required: ["name", "age"],
};
const endless = rules.toText(repeat(sequence(lowerSchema(line, rules, "line"), literal("\n")), 1, Infinity));

const rounds: { readonly free: number; readonly bound: number }[] = [];
await decode(endless); // Warms up, and compiles.
for (let round = 0; round < Number(args.rounds); round += 1) {
  rounds.push({ free: await decode(undefined), bound: await decode(endless) });
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
if (Number(args.samples) > 0) await checkSamples();
await engine.close();

/** Tokens in a second of this process's processor time. */
async function decode(grammar: string | undefined): Promise<number> {
  for (let index = 0; index < BATCH; index += 1) add(grammar, NUM_TOKENS);
  await engine.step(); // The prompts.
  const startedUs = cpuUs();
  let numTokens = 0;
  while (engine.hasWork)
    for (const event of await engine.step()) if (event.kind === "tokens") numTokens += event.tokenIds.length;
  return numTokens / ((cpuUs() - startedUs) / 1e6);
}

async function checkSamples(): Promise<void> {
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  const schemas = Object.entries(jsonSchemas);
  const perSchema = Math.ceil(Number(args.samples) / schemas.length);
  const counts = { schemas: schemas.length, sampled: 0, valid: 0, "cut off": 0 };
  const wrong: string[] = [];
  for (const [name, schema] of schemas) {
    const validate = ajv.compile(schema);
    const grammar = planGrammar({ guided_json: schema })?.ebnf;
    const outputs = new Map(
      Array.from({ length: perSchema }, () => [add(grammar, MAX_SAMPLE_TOKENS, true), [] as number[]]),
    );
    while (engine.hasWork) {
      for (const event of await engine.step()) {
        if (event.kind === "failed") throw new Error(`${name}: ${event.detail}`);
        outputs.get(event.sequenceId)?.push(...event.tokenIds);
        if (event.kind !== "finished") continue;
        counts.sampled += 1;
        const text = decodeTokens(outputs.get(event.sequenceId) ?? [], model.tokenizer.tokenBytes);
        if (event.finish.reason === "length") counts["cut off"] += 1;
        else if (isValid(validate, text)) counts.valid += 1;
        else wrong.push(`${name}: ${text}`);
      }
    }
  }
  console.table([counts]);
  for (const each of wrong) console.log(each);
  if (wrong.length > 0) process.exitCode = 1;
}

function isValid(validate: (value: unknown) => boolean, text: string): boolean {
  try {
    return validate(JSON.parse(text));
  } catch {
    return false;
  }
}

function add(grammar: string | undefined, maxTokens: number, mayStop = false): SequenceId {
  numRequests += 1;
  const request: GenerationRequest = {
    sequenceId: numRequests as SequenceId,
    promptTokenIds,
    sampling: { temperature: 1, topP: 1, topK: 0, seed: numRequests },
    stopping: { maxTokens, stopTokenIds: mayStop ? model.stopTokenIds : [] },
    priority: 0,
    cacheSalt: "",
    tenant: "",
    grammar,
  };
  const admission = engine.add(request);
  if (!admission.admitted) throw new Error(admission.detail);
  return request.sequenceId;
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
