import type { Engine } from "#engine/engine.ts";
import { planGrammar } from "#ingress/grammar/plan-grammar.ts";
import { median } from "../measure.ts";
import { BATCH, type GrammarEngine } from "./pocket-engine.ts";

/** Tokens of each running stream before and after the new schema. */
const NUM_TOKENS = 40;

/** What a schema that is new does to streams that run. In milliseconds, medians of the rounds. */
export interface StallReport {
  readonly schema: string;
  /** For the grammar's text. */
  readonly writeMs: number;
  /** The longest time between two tokens of a stream without it. */
  readonly usualGapMs: number;
  /** And with it. */
  readonly gapMs: number;
}

/** Schemas of which each is hard in its own way. */
const schemas: Readonly<Record<string, object>> = {
  "two members": { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } } },
  "100 optional members": {
    type: "object",
    properties: Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`member ${index}`, { type: "string" }])),
  },
  "an enum of 1,000": { enum: Array.from({ length: 1000 }, (_, index) => `choice ${(index * 7919) % 1000}`) },
  "a string up to 64": { type: "string", maxLength: 64 },
  "a string up to 1,000": { type: "string", maxLength: 1000 },
  "an email": { type: "string", format: "email" },
  "a uri": { type: "string", format: "uri" },
};

/** Lets as many streams run as fit a step less one, and sends a new schema in between, in each round. */
export async function measureStalls(sampler: GrammarEngine, numRounds: number): Promise<StallReport[]> {
  const reports: StallReport[] = [];
  for (const [schema, value] of Object.entries(schemas)) {
    const rounds = [];
    for (let round = 0; round < numRounds; round += 1) {
      const startedMs = performance.now();
      const ebnf = planGrammar({ guided_json: value })?.ebnf ?? "";
      const writeMs = performance.now() - startedMs;
      // A comment makes it new to the cache.
      rounds.push({ writeMs, ...(await runStreams(sampler, `${ebnf}# ${round}\n`)) });
    }
    reports.push({
      schema,
      writeMs: median(rounds.map(({ writeMs }) => writeMs)),
      usualGapMs: median(rounds.map(({ usualGapMs }) => usualGapMs)),
      gapMs: median(rounds.map(({ gapMs }) => gapMs)),
    });
  }
  return reports;
}

async function runStreams(
  { engine, add }: GrammarEngine,
  grammar: string,
): Promise<{ readonly usualGapMs: number; readonly gapMs: number }> {
  for (let index = 0; index < BATCH - 1; index += 1) add(undefined, 2 * NUM_TOKENS + 1, false);
  await engine.step(); // The prompts.
  const usualGapMs = await longestGap(engine, performance.now());
  const startedMs = performance.now();
  add(grammar, 1, false);
  const gapMs = await longestGap(engine, startedMs);
  while (engine.hasWork) await engine.step();
  return { usualGapMs, gapMs };
}

/** The longest time from one token to the next: each step gives every stream one. */
async function longestGap(engine: Engine, startedMs: number): Promise<number> {
  let lastMs = startedMs;
  let longestMs = 0;
  for (let step = 0; step < NUM_TOKENS; step += 1) {
    await engine.step();
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
  }
  return longestMs;
}
