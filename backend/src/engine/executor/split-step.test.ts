import { expect, test } from "vitest";
import type { ScheduledSequence } from "./executor.ts";
import { maxPairsPerRun, maxPromptRowsPerRun, splitStep } from "./split-step.ts";

const sequence = (numTokens: number, needsLogits = true): ScheduledSequence => ({
  tokenIds: Array.from({ length: numTokens }, () => 0),
  numComputedTokens: 0,
  blockTable: [],
  needsLogits,
});

/** Runs as lists of [sequence, start, length, place of the logits]. */
const shapes = (lengths: readonly number[]) =>
  splitStep(lengths.map((length) => sequence(length))).map((run) =>
    run.map((span) => [span.sequenceIndex, span.start, span.length, span.logitsIndex]),
  );

test("decodes and short chunks share one run, in batch order", () => {
  expect(shapes([5, 1, 7, 1])).toEqual([
    [
      [0, 0, 5, 0],
      [1, 0, 1, 1],
      [2, 0, 7, 2],
      [3, 0, 1, 3],
    ],
  ]);
});

test("long chunks run after the decodes", () => {
  expect(shapes([40, 1])).toEqual([[[1, 0, 1, 1]], [[0, 0, 40, 0]]]);
});

test("a chunk too long for a run is cut, and only its last piece gives logits", () => {
  const most = maxPromptRowsPerRun;
  expect(shapes([1, most + 9, 30])).toEqual([
    [[0, 0, 1, 0]],
    [[1, 0, most, undefined]],
    [
      [1, most, 9, 1],
      [2, 0, 30, 2],
    ],
  ]);
});

test("the longer a chunk's past, the smaller its pieces; none is lost and no two meet in a run", () => {
  const chunk = { ...sequence(1500), numComputedTokens: 3000 };
  const runs = splitStep([chunk, sequence(300)]);
  const pieces = runs.flatMap((run) => run.filter((span) => span.sequence === chunk));
  let next = 0;
  for (const { start, length } of pieces) {
    expect(start).toBe(next);
    expect(length * (3000 + start + length)).toBeLessThanOrEqual(maxPairsPerRun);
    next += length;
  }
  expect(next).toBe(1500);
  for (const run of runs) expect(run.filter((span) => span.sequence === chunk).length).toBeLessThanOrEqual(1);
});

test("logits are counted over the sequences that want them", () => {
  const [run] = splitStep([sequence(1, false), sequence(1), sequence(2, false), sequence(1)]);
  expect(run?.map((span) => span.logitsIndex)).toEqual([undefined, 0, undefined, 1]);
});
