import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { IdleTimer } from "./idle-timer.ts";

let numIdle: number;
let timer: IdleTimer;

beforeEach(() => {
  vi.useFakeTimers();
  numIdle = 0;
  timer = new IdleTimer(1_000, () => (numIdle += 1));
});
afterEach(() => vi.useRealTimers());

test("whoever notes something is told once, when nothing has followed for as long as that", () => {
  vi.advanceTimersByTime(5_000);
  expect(numIdle).toBe(0);
  timer.note(Date.now());
  vi.advanceTimersByTime(999);
  expect(numIdle).toBe(0);
  vi.advanceTimersByTime(1);
  expect(numIdle).toBe(1);
  vi.advanceTimersByTime(5_000);
  expect(numIdle).toBe(1);
});

test("each note puts it off, and there is never a second timer", () => {
  for (let count = 0; count < 10; count += 1) {
    timer.note(Date.now());
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(700);
    expect(numIdle).toBe(0);
  }
  vi.advanceTimersByTime(299);
  expect(numIdle).toBe(0);
  vi.advanceTimersByTime(1);
  expect([numIdle, vi.getTimerCount()]).toEqual([1, 0]);
});

test("one that has been told is told again after what it notes then", () => {
  timer.note(Date.now());
  vi.advanceTimersByTime(1_000);
  timer.note(Date.now());
  vi.advanceTimersByTime(1_000);
  expect(numIdle).toBe(2);
});

test("one that was made before goes on by the clock that it was made with", () => {
  vi.useRealTimers();
  const older = new IdleTimer(1_000, () => undefined);
  vi.useFakeTimers();
  older.note(Date.now());
  expect(vi.getTimerCount()).toBe(0);
});
