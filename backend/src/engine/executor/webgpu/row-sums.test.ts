import { expect, test } from "vitest";
import { NonFiniteStepError } from "#engine/executor/finite-check.ts";
import { scheduled } from "./scheduled.ts";
import { checkRowSums } from "./row-sums.ts";

const run = [scheduled(0, 2), scheduled(5, 1), scheduled(0, 3)];

test("finite rows pass, whatever their sums", () => {
  expect(() => checkRowSums(run, Float32Array.of(0, -1e9, 1e30, 1, 2, 3), 0)).not.toThrow();
});

test.each([
  ["a NaN", [0, NaN, 0, 0, 0, 0], [4]],
  ["an infinity", [0, 0, -Infinity, 0, 0, 0], [5]],
  ["several rows", [0, 0, NaN, 0, 0, Infinity], [5, 6]],
])("%s names the sequences that own the rows, by their index in the step", (_, sums, indexes) => {
  let thrown: unknown;
  try {
    checkRowSums(run, Float32Array.from(sums), 4);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(NonFiniteStepError);
  expect(thrown).toMatchObject({ sequenceIndexes: indexes });
});
