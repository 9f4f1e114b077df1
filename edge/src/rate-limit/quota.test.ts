import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Limits } from "./limits.ts";
import { Quota, type QuotaLimits, type StoredQuota, storedQuotaSchema, type Verdict } from "./quota.ts";

const leaseMs = 60_000;
const startMs = Date.UTC(2026, 10, 24);

function quotaOf(limits: Limits, modelLimits: QuotaLimits["modelLimits"] = {}, stored?: StoredQuota, nowMs = startMs) {
  return new Quota({ limits, modelLimits }, stored, { leaseMs, defaultOutputTokens: 100 }, nowMs);
}

let numAsked = 0;

function ask(tokens = 10, model = "pocket") {
  numAsked += 1;
  return { requestId: `req_${numAsked}`, model, promptTokens: 0, outputTokens: tokens };
}

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

// From here on: properties over histories of requests that begin, end in every way, and crash the gate.

const limitsArbitrary: fc.Arbitrary<Limits> = fc.record(
  {
    requestsPerMinute: fc.integer({ min: 1, max: 50 }),
    tokensPerMinute: fc.integer({ min: 1, max: 2_000 }),
    requestsPerDay: fc.integer({ min: 1, max: 100 }),
    concurrentRequests: fc.integer({ min: 1, max: 8 }),
    tokensPerMonth: fc.integer({ min: 1, max: 10_000 }),
  },
  { requiredKeys: [] },
);

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant("ask" as const), tokens: fc.nat(300), afterMs: fc.nat(2_000) }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("end" as const),
        which: fc.nat(20),
        share: fc.integer({ min: 0, max: 4 }),
        afterMs: fc.nat(2_000),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("pause" as const), afterMs: fc.nat(40_000) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("crash" as const), afterMs: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("sleep" as const), afterMs: fc.nat(20_000) }) },
  ),
  { maxLength: 120 },
);

interface Running {
  readonly requestId: string;
  readonly tokens: number;
  readonly sinceMs: number;
}

test("through endings, crashes and sleep no limit is exceeded, and who waits as told gets in", () => {
  fc.assert(
    fc.property(limitsArbitrary, steps, (limits, history) => {
      let nowMs = startMs;
      let quota = quotaOf(limits);
      let onDisk: StoredQuota | undefined;
      const write = (ahead: boolean) => {
        onDisk = storedQuotaSchema.parse(JSON.parse(JSON.stringify(quota.toStored(ahead, nowMs))));
      };
      const running: Running[] = [];
      /** What really was used, and when it was granted. */
      const used: { atMs: number; tokens: number }[] = [];
      for (const step of history) {
        nowMs += step.afterMs;
        switch (step.kind) {
          case "ask": {
            const asked = ask(step.tokens);
            const verdict = quota.reserve(asked, nowMs);
            if (verdict.kind === "granted") {
              // As the gate does: what is granted is on disk before anybody hears of it.
              if (!quota.isCovered(nowMs)) write(true);
              running.push({ requestId: asked.requestId, tokens: step.tokens, sinceMs: nowMs });
              used.push({ atMs: nowMs, tokens: step.tokens });
            }
            break;
          }
          case "end": {
            const [ended] = running.splice(step.which % Math.max(1, running.length), 1);
            if (ended === undefined) break;
            const usedTokens = Math.floor((ended.tokens * step.share) / 4);
            quota.settle(ended.requestId, step.share === 4 ? undefined : usedTokens, nowMs);
            break;
          }
          case "crash":
            quota = quotaOf(limits, {}, onDisk, nowMs);
            break;
          case "sleep":
            write(false);
            quota = quotaOf(limits, {}, onDisk, nowMs);
            break;
          case "pause":
        }
        const alive = running.filter(({ sinceMs }) => nowMs - sinceMs < leaseMs);
        expect(alive.length).toBeLessThanOrEqual(limits.concurrentRequests ?? Number.POSITIVE_INFINITY);
        expect(quota.numUnderWay(nowMs)).toBeGreaterThanOrEqual(
          limits.concurrentRequests === undefined ? 0 : alive.length,
        );
      }
      const requests = used.map(({ atMs }) => ({ atMs, cost: 1 }));
      expectWithin(requests, limits.requestsPerMinute, 60_000);
      expectWithin(requests, limits.requestsPerDay, 86_400_000);
      const verdict = quota.reserve(ask(50), nowMs);
      if (verdict.kind !== "not_now") return;
      expect(quota.reserve(ask(50), nowMs + verdict.retryAfterMs).kind).toBe("granted");
    }),
    { numRuns: 300 },
  );
});

test("tokens that were really used never exceed the rate or the budget, through endings and crashes", () => {
  fc.assert(
    fc.property(limitsArbitrary, steps, (limits, history) => {
      let nowMs = startMs;
      let quota = quotaOf(limits);
      let onDisk: StoredQuota | undefined;
      const running: Running[] = [];
      const used: { atMs: number; cost: number }[] = [];
      for (const step of history) {
        nowMs += step.afterMs;
        if (step.kind === "ask") {
          const asked = ask(step.tokens);
          if (quota.reserve(asked, nowMs).kind !== "granted") continue;
          if (!quota.isCovered(nowMs)) onDisk = quota.toStored(true, nowMs);
          running.push({ requestId: asked.requestId, tokens: step.tokens, sinceMs: nowMs });
        } else if (step.kind === "end") {
          const [ended] = running.splice(step.which % Math.max(1, running.length), 1);
          if (ended === undefined) continue;
          const usedTokens = Math.floor((ended.tokens * step.share) / 4);
          quota.settle(ended.requestId, usedTokens, nowMs);
          used.push({ atMs: ended.sinceMs, cost: usedTokens });
        } else if (step.kind === "crash") {
          quota = quotaOf(limits, {}, onDisk, nowMs);
        }
      }
      for (const { tokens, sinceMs } of running) used.push({ atMs: sinceMs, cost: tokens });
      used.sort((one, other) => one.atMs - other.atMs);
      expectWithin(used, limits.tokensPerMinute, 60_000);
      const spent = used.reduce((sum, { cost }) => sum + cost, 0);
      expect(spent).toBeLessThanOrEqual(limits.tokensPerMonth ?? Number.POSITIVE_INFINITY);
    }),
    { numRuns: 300 },
  );
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

/** No stretch of time holds more than the limit and what refills in it. */
function expectWithin(grants: readonly { atMs: number; cost: number }[], limit: number | undefined, windowMs: number) {
  if (limit === undefined) return;
  for (const [first, { atMs: fromMs }] of grants.entries()) {
    let granted = 0;
    for (const { atMs, cost } of grants.slice(first)) {
      granted += cost;
      expect(granted * windowMs).toBeLessThanOrEqual(limit * windowMs + limit * (atMs - fromMs));
    }
  }
}
