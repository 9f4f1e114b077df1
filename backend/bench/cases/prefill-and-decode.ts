// One cell of the table: some sequences side by side, each with a context of some length. Every contender first computes the
// prompts, which is the prefill; then it is given the same prompts again, finds them in its cache, and so all sequences decode
// at once at that context without a prompt between them, which is the decode.
import type { Contender, RunningContender, Setup } from "../contenders/contender.ts";
import type { Rate } from "../measure.ts";
import { drawPrompt } from "../workload.ts";
import { startClock } from "./clock.ts";

export interface Cell extends Omit<Setup, "maxSequenceTokens"> {
  /** Prompt tokens of each sequence. */
  readonly contextTokens: number;
}

/** One of each round. */
interface CellRates {
  readonly prefill: readonly Rate[];
  readonly decode: readonly Rate[];
}

export interface CellResult extends Cell {
  // contender -> its rounds
  readonly rates: Readonly<Record<string, CellRates>>;
}

/** A sequence may be ahead of the last one by so many tokens when the clock starts. */
const leadTokens = 24;
/** Few tokens are computed several times over, so that a reading of the processor's time is good to a few percent. */
const leastPrefillTokens = 512;
/** Prompts of more tokens than this together are computed in one round only. */
const mostRepeatedTokens = 8_192;

export async function measureCell(
  contenders: readonly Contender[],
  cell: Cell,
  vocabSize: number,
  numRounds: number,
): Promise<CellResult> {
  const { numSequences, contextTokens } = cell;
  const decodeTokens = decodeTokensOf(numSequences);
  const setup: Setup = { ...cell, maxSequenceTokens: contextTokens + decodeTokens + leadTokens };
  const running = await startAll(contenders, setup);
  const rates = contenders.map(() => ({ prefill: [] as Rate[], decode: [] as Rate[] }));
  const prompts = (round: number, repeat: number): readonly (readonly number[])[] =>
    Array.from({ length: numSequences }, (_, slot) =>
      drawPrompt(`${round}.${repeat}.${slot}`, contextTokens, vocabSize),
    );
  try {
    for (const contender of running) await warmUp(contender, numSequences, vocabSize);
    const numRepeats = Math.ceil(leastPrefillTokens / (numSequences * contextTokens));
    let decodedPrompts = prompts(0, 0);
    for (let round = 0; round < numRounds; round++) {
      const repeated = round === 0 || numSequences * contextTokens <= mostRepeatedTokens;
      const batches = repeated ? Array.from({ length: numRepeats }, (_, repeat) => prompts(round, repeat)) : [];
      decodedPrompts = batches.at(-1) ?? decodedPrompts;
      for (const index of turn(contenders.length, round)) {
        const [contender, seen] = [running[index], rates[index]];
        if (contender === undefined || seen === undefined) continue;
        if (batches.length > 0) seen.prefill.push(await prefill(contender, batches));
        const rate = await decode(contender, decodedPrompts, decodeTokens);
        if (rate === undefined)
          throw new Error(`${contenders[index]?.name}: a sequence ended before all were measured`);
        seen.decode.push(rate);
      }
    }
  } finally {
    await Promise.all(running.map((contender) => contender.stop()));
  }
  return {
    ...cell,
    rates: Object.fromEntries(contenders.map(({ name }, index) => [name, rates[index] ?? { prefill: [], decode: [] }])),
  };
}

/** Tokens of each sequence that are measured. */
function decodeTokensOf(numSequences: number): number {
  return Math.min(96, Math.max(32, Math.ceil(384 / numSequences)));
}

/** All indices, each round beginning with another. */
function turn(length: number, round: number): readonly number[] {
  return Array.from({ length }, (_, index) => (index + round) % length);
}

/** Either all run or none does. */
async function startAll(contenders: readonly Contender[], setup: Setup): Promise<readonly RunningContender[]> {
  const started = await Promise.allSettled(contenders.map((contender) => contender.start(setup)));
  const failed = started.find((result) => result.status === "rejected");
  const running = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  if (failed === undefined) return running;
  await Promise.all(running.map((contender) => contender.stop()));
  throw failed.reason;
}

async function warmUp(contender: RunningContender, numSequences: number, vocabSize: number): Promise<void> {
  const prompts = Array.from({ length: Math.min(8, numSequences) }, (_, slot) =>
    drawPrompt(`warm.${slot}`, 64, vocabSize),
  );
  await Promise.all(prompts.map((promptTokenIds, slot) => runOut(contender, { slot, promptTokenIds, maxTokens: 16 })));
}

/** The batches one after another, the prompts of a batch together; each sequence ends with its first token. */
async function prefill(
  contender: RunningContender,
  batches: readonly (readonly (readonly number[])[])[],
): Promise<Rate> {
  const read = startClock(contender.pid);
  for (const prompts of batches) {
    await Promise.all(prompts.map((promptTokenIds, slot) => runOut(contender, { slot, promptTokenIds, maxTokens: 1 })));
  }
  return read(batches.flat(2).length);
}

/**
 * The clock starts with the first token of the last sequence, and stops when `numTokensEach` tokens of each are through, or
 * when the first sequence ends: one that batches unevenly lets some run ahead. Absent when that was before half of them.
 */
async function decode(
  contender: RunningContender,
  prompts: readonly (readonly number[])[],
  numTokensEach: number,
): Promise<Rate | undefined> {
  const wanted = prompts.length * numTokensEach;
  let numStarted = 0;
  let numTokens = 0;
  let read: ((numTokens: number) => Rate) | undefined;
  let rate: Rate | undefined;
  let allRan = true;
  const follow = async (promptTokenIds: readonly number[], slot: number): Promise<void> => {
    let started = false;
    const maxTokens = numTokensEach + leadTokens;
    for await (const tokenIds of contender.generate({ slot, promptTokenIds, maxTokens })) {
      if (!started) {
        started = true;
        numStarted += 1;
        if (numStarted === prompts.length) read = startClock(contender.pid);
      } else if (read !== undefined) {
        numTokens += tokenIds.length;
        if (numTokens >= wanted) rate ??= read(numTokens);
      }
    }
    if (numTokens >= wanted / 2) rate ??= read?.(numTokens);
    if (rate === undefined) allRan = false;
  };
  await Promise.all(prompts.map(follow));
  return allRan ? rate : undefined;
}

export async function runOut(
  contender: RunningContender,
  job: Parameters<RunningContender["generate"]>[0],
): Promise<readonly number[]> {
  const all: number[] = [];
  for await (const tokenIds of contender.generate(job)) all.push(...tokenIds);
  return all;
}
