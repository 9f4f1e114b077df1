import { setImmediate } from "node:timers/promises";
import type { Engine } from "#engine/engine.ts";
import { planGrammar } from "#ingress/grammar/plan-grammar.ts";
import { median } from "../measure.ts";
import { hardSchemas } from "./hard-schemas.ts";
import { BATCH, type GrammarEngine } from "./pocket-engine.ts";

/** Steps after the new schema was compiled. */
const NUM_STEPS = 40;
/** Of each stream: more than there is time for. */
const MAX_TOKENS = 3_900;

/** What a schema that is new does to streams that run. In milliseconds, medians of the rounds. */
export interface StallReport {
  readonly schema: string;
  /** For the grammar's text. */
  readonly writeMs: number;
  /** From asking for it to having it. */
  readonly compileMs: number;
  /** The longest time between two tokens of a stream without it, in as many steps. */
  readonly usual: Gap;
  /** And with it. */
  readonly withIt: Gap;
}

interface Gap {
  /** By the clock: another thread may have had the processor. */
  readonly wallMs: number;
  /** Of the engine's thread alone. */
  readonly threadMs: number;
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
      usual: medianGap(rounds.map(({ usual }) => usual)),
      withIt: medianGap(rounds.map(({ withIt }) => withIt)),
    });
  }
  return reports;
}

function medianGap(gaps: readonly Gap[]): Gap {
  return {
    wallMs: median(gaps.map(({ wallMs }) => wallMs)),
    threadMs: median(gaps.map(({ threadMs }) => threadMs)),
  };
}

async function runStreams(sampler: GrammarEngine, grammar: string): Promise<Omit<StallReport, "schema" | "writeMs">> {
  const { engine, compile, add } = sampler;
  const ids = Array.from({ length: BATCH - 1 }, () => add(undefined, MAX_TOKENS, false));
  await engine.step(); // The prompts.
  const startedMs = performance.now();
  let compileMs = 0;
  const leased = compile(grammar).then((lease) => {
    compileMs = performance.now() - startedMs;
    add(lease.id, 1, false);
    return lease;
  });
  let numSteps = 0;
  let numStepsAfter = 0;
  const withIt = await longestGap(engine, () => {
    numSteps += 1;
    if (compileMs > 0) numStepsAfter += 1;
    return numStepsAfter < NUM_STEPS;
  });
  (await leased).release();
  const usual = await longestGap(engine, () => {
    numSteps -= 1;
    return numSteps > 0;
  });
  for (const id of ids) engine.abort(id);
  while (engine.hasWork) await engine.step();
  return { compileMs, usual, withIt };
}

/**
 * The longest time from one token to the next, until there are to be no more: each step gives every stream one. As the engine's
 * loop does, messages are taken between steps, which is part of the time.
 */
async function longestGap(engine: Engine, hasMore: () => boolean): Promise<Gap> {
  const longest = { wallMs: 0, threadMs: 0 };
  let last = readClocks();
  do {
    await setImmediate();
    await engine.step();
    const now = readClocks();
    longest.wallMs = Math.max(longest.wallMs, now.wallMs - last.wallMs);
    longest.threadMs = Math.max(longest.threadMs, now.threadMs - last.threadMs);
    last = now;
  } while (hasMore());
  return longest;
}

function readClocks(): Gap {
  const { user, system } = process.threadCpuUsage();
  return { wallMs: performance.now(), threadMs: (user + system) / 1000 };
}
