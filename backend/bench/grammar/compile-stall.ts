import { setImmediate } from "node:timers/promises";
import type { Engine } from "#engine/engine.ts";
import { planGrammar } from "#ingress/grammar/plan-grammar.ts";
import { median } from "../measure.ts";
import { hardSchemas } from "./hard-schemas.ts";
import { BATCH, type GrammarEngine } from "./pocket-engine.ts";

/** Steps before the new schema is sent, and after it was compiled. */
const NUM_STEPS = 40;
/** Of each stream: more than there is time for. */
const MAX_TOKENS = 3_500;

/** What a schema that is new does to streams that run. In milliseconds, medians of the rounds. */
export interface StallReport {
  readonly schema: string;
  /** For the grammar's text. */
  readonly writeMs: number;
  /** From asking for it to having it. */
  readonly compileMs: number;
  /** The longest time between two tokens of a stream without it. */
  readonly usualGapMs: number;
  /** And with it. */
  readonly gapMs: number;
}

/** Lets as many streams run as fit a step less one, and sends a new schema in between, in each round. */
export async function measureStalls(sampler: GrammarEngine, numRounds: number): Promise<StallReport[]> {
  const reports: StallReport[] = [];
  for (const [schema, value] of Object.entries(hardSchemas)) {
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
      compileMs: median(rounds.map(({ compileMs }) => compileMs)),
      usualGapMs: median(rounds.map(({ usualGapMs }) => usualGapMs)),
      gapMs: median(rounds.map(({ gapMs }) => gapMs)),
    });
  }
  return reports;
}

async function runStreams(sampler: GrammarEngine, grammar: string): Promise<Omit<StallReport, "schema" | "writeMs">> {
  const { engine, compile, add } = sampler;
  const ids = Array.from({ length: BATCH - 1 }, () => add(undefined, MAX_TOKENS, false));
  await engine.step(); // The prompts.
  const usualGapMs = await longestGap(engine, NUM_STEPS, () => true);
  const startedMs = performance.now();
  let compileMs = 0;
  const leased = compile(grammar).then((lease) => {
    compileMs = performance.now() - startedMs;
    add(lease.id, 1, false);
    return lease;
  });
  const gapMs = await longestGap(engine, NUM_STEPS, () => compileMs > 0);
  (await leased).release();
  for (const id of ids) engine.abort(id);
  while (engine.hasWork) await engine.step();
  return { compileMs, usualGapMs, gapMs };
}

/**
 * The longest time from one token to the next, in so many steps after the condition holds: each step gives every stream one. As the
 * engine's loop does, messages are taken between steps, which is part of the time.
 */
async function longestGap(engine: Engine, numSteps: number, holds: () => boolean): Promise<number> {
  let lastMs = performance.now();
  let longestMs = 0;
  for (let stepsLeft = numSteps; stepsLeft > 0;) {
    await setImmediate();
    await engine.step();
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
    if (holds()) stepsLeft -= 1;
  }
  return longestMs;
}
