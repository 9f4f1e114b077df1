import { beforeEach, expect, test } from "vitest";
import { RetryBudget } from "./retry-budget.ts";

let nowMs: number;
let budget: RetryBudget;

beforeEach(() => {
  nowMs = 0;
  budget = new RetryBudget(() => nowMs);
});

function withdrawAll(): number {
  let count = 0;
  while (budget.withdraw()) count += 1;
  return count;
}

test("a burst of failures is met with at most twenty retries", () => {
  expect(withdrawAll()).toBe(20);
});

test("five requests earn one retry", () => {
  withdrawAll();
  for (let n = 0; n < 5; n += 1) budget.deposit();
  expect(withdrawAll()).toBe(1);
});

test("two retries a second are earned by time alone", () => {
  withdrawAll();
  nowMs = 1_500;
  expect(withdrawAll()).toBe(3);
});

test("savings are bounded", () => {
  for (let n = 0; n < 1_000; n += 1) budget.deposit();
  nowMs = 3_600_000;
  expect(withdrawAll()).toBe(20);
});
