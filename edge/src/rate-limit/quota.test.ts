import { expect, test } from "vitest";
import type { Limits } from "./limits.ts";
import type { Verdict } from "./quota.ts";
import { ask, leaseMs, quotaOf, startMs } from "./testing/test-quota.ts";

function numGranted(verdicts: readonly Verdict[]): number {
  return verdicts.filter(({ kind }) => kind === "granted").length;
}

test.each([
  { limits: { requestsPerMinute: 17 }, granted: 17 },
  { limits: { requestsPerDay: 17 }, granted: 17 },
  { limits: { tokensPerMinute: 179 }, granted: 17 },
  { limits: { tokensPerMonth: 170 }, granted: 17 },
  { limits: { concurrentRequests: 17 }, granted: 17 },
  { limits: { requestsPerMinute: 20, tokensPerMinute: 170, concurrentRequests: 30 }, granted: 17 },
  { limits: {}, granted: 200 },
] satisfies { limits: Limits; granted: number }[])(
  "a burst of 200 against $limits admits $granted",
  ({ limits, granted }) => {
    const quota = quotaOf(limits);
    expect(numGranted(Array.from({ length: 200 }, () => quota.reserve(ask(), startMs)))).toBe(granted);
  },
);

test("a refused request costs nothing", () => {
  const quota = quotaOf({ requestsPerMinute: 2, tokensPerMinute: 100 });
  expect(quota.reserve(ask(90), startMs).kind).toBe("granted");
  expect(quota.reserve(ask(20), startMs).kind).toBe("not_now");
  expect(quota.report("pocket", startMs).requests?.remaining).toBe(1);
  expect(quota.reserve(ask(10), startMs).kind).toBe("granted");
});

test("what can never be held is told from what does not fit now", () => {
  const quota = quotaOf({ tokensPerMinute: 100 });
  expect(quota.reserve(ask(101), startMs)).toMatchObject({
    kind: "never",
    limitName: "tokensPerMinute",
    requested: 101,
  });
  expect(quota.reserve(ask(100), startMs).kind).toBe("granted");
  expect(quota.reserve(ask(50), startMs)).toMatchObject({ kind: "not_now", retryAfterMs: 30_000 });
});

test("a request that does not say how much it wants gets the default, or what the limit can hold", () => {
  const openEnded = { requestId: "a", model: "pocket", promptTokens: 7, outputTokens: undefined };
  expect(quotaOf({ tokensPerMinute: 1_000 }).reserve(openEnded, startMs)).toMatchObject({ tokens: 107 });
  expect(quotaOf({ tokensPerMinute: 50 }).reserve(openEnded, startMs)).toMatchObject({ tokens: 50 });
  expect(quotaOf({ tokensPerMinute: 7 }).reserve(openEnded, startMs)).toMatchObject({ kind: "never" });
  expect(quotaOf({ requestsPerMinute: 1 }).reserve(openEnded, startMs)).toMatchObject({ tokens: undefined });
});

test("settling gives back what was not used, once", () => {
  const quota = quotaOf({ tokensPerMinute: 100, concurrentRequests: 1 });
  const asked = ask(80);
  quota.reserve(asked, startMs);
  expect(quota.settle(asked.requestId, 30, startMs)).toBe(50);
  expect(quota.settle(asked.requestId, 0, startMs)).toBeUndefined();
  expect(quota.report("pocket", startMs).tokens?.remaining).toBe(70);
  expect(quota.numUnderWay(startMs)).toBe(0);
});

test("a request that nobody can count stays charged as reserved, and its place is free", () => {
  const quota = quotaOf({ tokensPerMinute: 100, concurrentRequests: 1 });
  const asked = ask(80);
  quota.reserve(asked, startMs);
  quota.settle(asked.requestId, undefined, startMs);
  expect(quota.report("pocket", startMs).tokens?.remaining).toBe(20);
  expect(quota.reserve(ask(20), startMs).kind).toBe("granted");
});

test("an orphan's place is free at its deadline, not before, and its tokens stay charged", () => {
  const quota = quotaOf({ tokensPerMonth: 100, concurrentRequests: 1 });
  quota.reserve(ask(80), startMs);
  const early = quota.reserve(ask(10), startMs + 1_000);
  expect(early).toMatchObject({ kind: "not_now", limitName: "concurrentRequests", retryAfterMs: leaseMs - 1_000 });
  expect(quota.reserve(ask(10), startMs + leaseMs - 1).kind).toBe("not_now");
  expect(quota.reserve(ask(10), startMs + leaseMs).kind).toBe("granted");
  expect(quota.report("pocket", startMs + leaseMs).tokens?.remaining).toBe(10);
});

test("a late settlement of an orphan changes nothing", () => {
  const quota = quotaOf({ tokensPerMonth: 100 });
  const asked = ask(80);
  quota.reserve(asked, startMs);
  expect(quota.settle(asked.requestId, 0, startMs + leaseMs)).toBeUndefined();
  expect(quota.report("pocket", startMs + leaseMs).tokens?.remaining).toBe(20);
});

test("a reservation is raised by what is missing, or refused and kept", () => {
  const quota = quotaOf({ tokensPerMinute: 100 });
  const asked = ask(40);
  quota.reserve(asked, startMs);
  expect(quota.raise(asked.requestId, 60, startMs)).toMatchObject({ kind: "granted", tokens: 60 });
  expect(quota.raise(asked.requestId, 50, startMs)).toMatchObject({ kind: "granted", tokens: 60 });
  expect(quota.report("pocket", startMs).tokens?.remaining).toBe(40);
  quota.reserve(ask(30), startMs);
  expect(quota.raise(asked.requestId, 80, startMs)).toMatchObject({
    kind: "not_now",
    retryAfterMs: 6_000,
    requested: 80,
  });
  expect(quota.raise(asked.requestId, 101, startMs)).toMatchObject({ kind: "never", requested: 101 });
  expect(quota.raise("req_unknown", 1, startMs)).toBeUndefined();
  quota.settle(asked.requestId, 0, startMs);
  expect(quota.report("pocket", startMs).tokens?.remaining).toBe(70);
});

test("a month's budget starts anew with the month, and what was reserved in the old one is not given back", () => {
  const quota = quotaOf({ tokensPerMonth: 100 });
  const lastMs = Date.UTC(2026, 10, 30, 23, 59, 59);
  const asked = ask(100);
  quota.reserve(asked, lastMs);
  expect(quota.reserve(ask(1), lastMs)).toMatchObject({ kind: "not_now", retryAfterMs: 1_000 });
  expect(quota.reserve(ask(60), lastMs + 1_000).kind).toBe("granted");
  quota.settle(asked.requestId, 0, lastMs + 2_000);
  expect(quota.report("pocket", lastMs + 2_000).tokens?.remaining).toBe(40);
});

test("a model's own limits hold beside the common ones", () => {
  const quota = quotaOf({ requestsPerMinute: 5 }, { big: { requestsPerMinute: 2, concurrentRequests: 1 } });
  const asked = ask(1, "big");
  expect(quota.reserve(asked, startMs)).toMatchObject({
    kind: "granted",
    report: { requests: { limit: 2, remaining: 1 } },
  });
  expect(quota.reserve(ask(1, "big"), startMs)).toMatchObject({ kind: "not_now", limitName: "concurrentRequests" });
  quota.settle(asked.requestId, 1, startMs);
  expect(quota.reserve(ask(1, "big"), startMs).kind).toBe("granted");
  const others = Array.from({ length: 10 }, () => quota.reserve(ask(1, "small"), startMs));
  expect(numGranted(others)).toBe(3);
});

test("what a crash left under way is over at its deadline, however often the gate has slept since", () => {
  const limits = { concurrentRequests: 8 };
  const before = quotaOf(limits);
  for (let count = 0; count < 4; count += 1) before.reserve(ask(50), startMs);
  let quota = quotaOf(limits, {}, before.toStored(true, startMs), startMs + 1_000);
  const overMs = startMs + 1_000 + leaseMs;
  for (let nowMs = startMs + 1_000; nowMs < overMs; nowMs += leaseMs / 10) {
    quota = quotaOf(limits, {}, quota.toStored(false, nowMs), nowMs);
    expect(quota.numUnderWay(nowMs)).toBe(5); // One may have begun that was written ahead.
  }
  expect(quota.numUnderWay(overMs)).toBe(0);
});

test("most grants need no write of their own", () => {
  const quota = quotaOf({ requestsPerMinute: 600, tokensPerMinute: 100_000, concurrentRequests: 100 });
  let numWrites = 0;
  let nowMs = startMs;
  for (let count = 0; count < 300; count += 1) {
    nowMs += 100;
    const asked = ask(150);
    expect(quota.reserve(asked, nowMs).kind).toBe("granted");
    if (!quota.isCovered(nowMs)) {
      numWrites += 1;
      quota.toStored(true, nowMs);
    }
    quota.settle(asked.requestId, 100, nowMs + 50);
  }
  expect(numWrites).toBeLessThanOrEqual(4);
});
