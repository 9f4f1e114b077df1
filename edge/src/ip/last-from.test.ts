import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { IpRange } from "./cidr.ts";
import { lastFrom } from "./last-from.ts";

/** Single addresses at even numbers, and how many of them were looked at. */
function countedRanges(length: number) {
  let numLookedAt = 0;
  const ranges = Array.from({ length }, (_, n): IpRange => ({ version: 4, first: BigInt(2 * n), last: BigInt(2 * n) }));
  const counted = new Proxy(ranges, {
    get: (target, property, receiver) => {
      if (typeof property === "string" && /^-?\d+$/.test(property)) numLookedAt += 1;
      return Reflect.get(target, property, receiver) as unknown;
    },
  });
  return { ranges: counted, numLookedAt: () => numLookedAt };
}

test("of ten thousand ranges, at most fourteen are looked at, and the one that is found", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 19_999 }), (bits) => {
      const { ranges, numLookedAt } = countedRanges(10_000);
      expect(lastFrom(ranges, BigInt(bits))?.first).toBe(BigInt(bits - (bits % 2)));
      expect(numLookedAt()).toBeLessThanOrEqual(14 + 1);
    }),
  );
});

test("before the first range, and of none, there is none", () => {
  expect(lastFrom(countedRanges(3).ranges, -1n)).toBeUndefined();
  expect(lastFrom([], 7n)).toBeUndefined();
});
