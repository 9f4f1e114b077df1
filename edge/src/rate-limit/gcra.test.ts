import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Bucket,
  charge,
  fullBucket,
  giveBack,
  type Rate,
  refill,
  remaining,
  untilFitsMs,
  untilFullMs,
} from "./gcra.ts";

const rates = fc
  .record({ limit: fc.integer({ min: 1, max: 1_000_000 }), windowMs: fc.constantFrom(1_000, 60_000, 86_400_000) })
  .chain(({ limit, windowMs }) =>
    fc.integer({ min: 1, max: limit }).map((burst): Rate => ({ limit, windowMs, burst })),
  );

/** Askers: how long after the one before, and for how much, in thousandths of the burst. */
const askers = fc.array(fc.record({ afterMs: fc.nat(30_000), thousandths: fc.nat(1_000) }), { maxLength: 60 });

interface Grant {
  readonly atMs: number;
  readonly cost: number;
}

/** Asks in turn and takes what fits. */
function grantAll(rate: Rate, asked: readonly { afterMs: number; thousandths: number }[]): Grant[] {
  const grants: Grant[] = [];
  let bucket: Bucket = fullBucket;
  let nowMs = 1_000_000;
  for (const { afterMs, thousandths } of asked) {
    nowMs += afterMs;
    const cost = Math.ceil((thousandths / 1_000) * rate.burst);
    if (untilFitsMs(rate, bucket, cost, nowMs) !== 0) continue;
    bucket = charge(rate, bucket, cost, nowMs);
    grants.push({ atMs: nowMs, cost });
  }
  return grants;
}

test("in any stretch of time no more is granted than the burst and what refilled meanwhile", () => {
  fc.assert(
    fc.property(rates, askers, (rate, asked) => {
      const grants = grantAll(rate, asked);
      for (const [first, { atMs: startMs }] of grants.entries()) {
        let granted = 0;
        for (const { atMs, cost } of grants.slice(first)) {
          granted += cost;
          // In parts, so that the bound itself is exact.
          expect(granted * rate.windowMs).toBeLessThanOrEqual(
            rate.burst * rate.windowMs + rate.limit * (atMs - startMs),
          );
        }
      }
    }),
  );
});

test("a bucket that was emptied is full again after burst / limit of a window, not a millisecond before", () => {
  fc.assert(
    fc.property(rates, (rate) => {
      const empty = charge(rate, fullBucket, rate.burst, 0);
      const fullMs = untilFullMs(rate, empty, 0);
      expect(fullMs).toBe(Math.ceil((rate.burst * rate.windowMs) / rate.limit));
      expect(untilFitsMs(rate, empty, rate.burst, fullMs)).toBe(0);
      expect(untilFitsMs(rate, empty, rate.burst, fullMs - 1)).toBe(1);
    }),
  );
});

test("who waits as long as told gets in, and who waits a millisecond less does not", () => {
  const states = fc.record({ debtUnits: fc.nat(2_000_000), cost: fc.nat(1_000_000), idleMs: fc.nat(100_000) });
  fc.assert(
    fc.property(rates, states, (rate, { debtUnits, cost, idleMs }) => {
      const bucket = charge(rate, fullBucket, debtUnits, 5_000);
      const nowMs = 5_000 + idleMs;
      const waitMs = untilFitsMs(rate, bucket, cost, nowMs);
      expect(waitMs === undefined).toBe(cost > rate.burst);
      if (waitMs === undefined) return true;
      const isIn = untilFitsMs(rate, bucket, cost, nowMs + waitMs) === 0;
      return isIn && (waitMs === 0 || untilFitsMs(rate, bucket, cost, nowMs + waitMs - 1) === 1);
    }),
  );
});

test("units that refill and debt that is given back add up", () => {
  const rate: Rate = { limit: 60, windowMs: 60_000, burst: 60 };
  const reserved = charge(rate, fullBucket, 60, 0);
  expect(remaining(rate, giveBack(rate, reserved, 10 * rate.windowMs, 20_000), 20_000)).toBe(30);
});

test("a clock that steps back neither grants nor takes", () => {
  const rate: Rate = { limit: 10, windowMs: 60_000, burst: 10 };
  const empty = charge(rate, fullBucket, 10, 100_000);
  expect(refill(rate, empty, 40_000)).toEqual(empty);
  expect(untilFitsMs(rate, empty, 1, 40_000)).toBe(66_000);
});

test("OpenAI's example: one of 500 requests a minute is back after 120 ms", () => {
  const rate: Rate = { limit: 500, windowMs: 60_000, burst: 500 };
  const bucket = charge(rate, fullBucket, 1, 0);
  expect(remaining(rate, bucket, 0)).toBe(499);
  expect(untilFullMs(rate, bucket, 0)).toBe(120);
});
