import { expect, test } from "vitest";
import type { ScheduledSequence } from "./executor.ts";
import { maxPairsPerRun, maxPromptRowsPerRun, type Span, splitStep } from "./split-step.ts";

const sequence = (numTokens: number, numLogits = 1): ScheduledSequence => ({
  tokenIds: Array.from({ length: numTokens }, () => 0),
  numComputedTokens: 0,
  blockTable: [],
  numLogits,
});

/** Runs as lists of [sequence, start, length, place of the logits, if any]. */
const shapes = (lengths: readonly number[]) =>
  splitStep(lengths.map((length) => sequence(length))).map((run) =>
    run.map((span) => [span.sequenceIndex, span.start, span.length, placeOf(span)]),
  );

const placeOf = ({ numLogits, logitsIndex }: Span) => (numLogits === 0 ? undefined : logitsIndex);

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
  const [run] = splitStep([sequence(1, 0), sequence(1), sequence(9, 4), sequence(1)]);
  expect(run?.map(placeOf)).toEqual([undefined, 0, 1, 5]);
});

test("every piece of a cut chunk has its part of the wanted logits", () => {
  const most = maxPromptRowsPerRun;
  const wantAll = splitStep([sequence(1), sequence(most + 9, most + 9)]).flat();
  expect(wantAll.map((span) => [span.start, span.numLogits, span.logitsIndex])).toEqual([
    [0, 1, 0],
    [0, most, 1],
    [most, 9, 1 + most],
  ]);
  const wantSome = splitStep([sequence(1), sequence(most + 9, 12)]).flat();
  expect(wantSome.map((span) => [span.start, span.numLogits, placeOf(span)])).toEqual([
    [0, 1, 0],
    [0, 3, 1],
    [most, 9, 4],
  ]);
});
