import * as fc from "fast-check";
import { expect, test } from "vitest";
import { leastRoundTripMs, RoundTrips } from "./round-trips.ts";

const acrossTheAtlantic = 5_863;

test("light takes 57 ms from Amsterdam to New York and back", () => {
  expect(leastRoundTripMs(acrossTheAtlantic)).toBeCloseTo(57.4, 1);
});

test("an unmeasured region is as near as light allows", () => {
  const roundTrips = new RoundTrips(() => 0);
  expect(roundTrips.expectedMs("far", acrossTheAtlantic)).toBe(leastRoundTripMs(acrossTheAtlantic));
});

test("the first sample is believed, later ones are smoothed", () => {
  const roundTrips = new RoundTrips(() => 0);
  roundTrips.measured("far", 0, 40);
  expect(roundTrips.expectedMs("far", 0)).toBe(40);
  roundTrips.measured("far", 0, 120);
  expect(roundTrips.expectedMs("far", 0)).toBe(50);
});

test("what one caller's requests took counts for callers elsewhere, over their own distance", () => {
  const roundTrips = new RoundTrips(() => 0);
  roundTrips.measured("far", acrossTheAtlantic, leastRoundTripMs(acrossTheAtlantic) + 30);
  expect(roundTrips.expectedMs("far", 0)).toBeCloseTo(30);
  expect(roundTrips.expectedMs("near", 0)).toBe(0);
});

test("what was measured is forgotten by half a minute for minute, so that a slow region is tried again", () => {
  let nowMs = 0;
  const roundTrips = new RoundTrips(() => nowMs);
  roundTrips.measured("far", 0, 80);
  nowMs = 60_000;
  expect(roundTrips.expectedMs("far", 0)).toBe(40);
  nowMs = 180_000;
  expect(roundTrips.expectedMs("far", 0)).toBe(10);
});

test("nothing is ever nearer than light allows, and nothing expected is beyond all samples", () => {
  const ms = fc.double({ min: 0, max: 10_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(ms, { minLength: 1 }), fc.double({ min: 0, max: 20_000, noNaN: true }), (samples, km) => {
      const roundTrips = new RoundTrips(() => 0);
      for (const sample of samples) roundTrips.measured("far", km, sample);
      const expected = roundTrips.expectedMs("far", km);
      expect(expected).toBeGreaterThanOrEqual(leastRoundTripMs(km));
      expect(expected).toBeLessThanOrEqual(Math.max(leastRoundTripMs(km), ...samples) + 1e-6);
    }),
  );
});
