import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type Coordinates, greatCircleKm } from "./great-circle.ts";

const amsterdam = { latitude: 52.37, longitude: 4.9 };
const newYork = { latitude: 40.71, longitude: -74.01 };
const tokyo = { latitude: 35.68, longitude: 139.69 };
const honolulu = { latitude: 21.31, longitude: -157.86 };

// Reference distances from the spherical law of cosines with the same radius, worked out apart.
test.each([
  { from: amsterdam, to: newYork, km: 5863 },
  { from: amsterdam, to: tokyo, km: 9288 },
  { from: tokyo, to: honolulu, km: 6208 },
  { from: { latitude: 0, longitude: 0 }, to: { latitude: 0, longitude: 180 }, km: 20015 },
  { from: { latitude: 90, longitude: 0 }, to: { latitude: -90, longitude: 77 }, km: 20015 },
])("$from to $to is $km km", ({ from, to, km }) => {
  expect(Math.abs(greatCircleKm(from, to) - km)).toBeLessThan(10);
});

const anywhere: fc.Arbitrary<Coordinates> = fc.record({
  latitude: fc.double({ min: -90, max: 90, noNaN: true }),
  longitude: fc.double({ min: -180, max: 180, noNaN: true }),
});

test("distance is symmetric, never negative, never past the antipode, and zero to oneself", () => {
  fc.assert(
    fc.property(anywhere, anywhere, (from, to) => {
      const km = greatCircleKm(from, to);
      expect(km).toBeCloseTo(greatCircleKm(to, from), 6);
      expect(km).toBeGreaterThanOrEqual(0);
      expect(km).toBeLessThanOrEqual(20_016);
      expect(greatCircleKm(from, from)).toBe(0);
    }),
  );
});
