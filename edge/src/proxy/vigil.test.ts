import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { keepVigil } from "./vigil.ts";

let answers: boolean[];
let numLooks: number;
let numSilences: number;

beforeEach(() => {
  vi.useFakeTimers();
  [answers, numLooks, numSilences] = [[], 0, 0];
});
afterEach(() => vi.useRealTimers());

async function isThere(): Promise<boolean> {
  numLooks += 1;
  return answers.shift() ?? false;
}

function begin(): () => void {
  return keepVigil({ everyMs: 1_000, isThere }, () => (numSilences += 1));
}

test("who is there is asked now and then, and who is not there twice in a row is gone", async () => {
  answers = [true, false, true, true];
  begin();
  await vi.advanceTimersByTimeAsync(999);
  expect(numLooks).toBe(0);
  await vi.advanceTimersByTimeAsync(3_001);
  expect([numLooks, numSilences]).toEqual([6, 1]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([numLooks, numSilences]).toEqual([6, 1]);
});

test("a vigil that ended asks nobody, and calls nobody", async () => {
  const end = begin();
  await vi.advanceTimersByTimeAsync(500);
  end();
  await vi.advanceTimersByTimeAsync(10_000);
  expect([numLooks, numSilences]).toEqual([0, 0]);
});
