// What holds of a quota over histories of requests that begin, end in every way, and crash the gate.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Limits } from "./limits.ts";
import { type StoredQuota, storedQuotaSchema } from "./quota.ts";
import { ask, leaseMs, quotaOf, startMs } from "./testing/test-quota.ts";

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
