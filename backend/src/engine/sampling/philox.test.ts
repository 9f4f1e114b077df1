import { expect, test } from "vitest";
import { philox4x32, uniformAt } from "./philox.ts";

// Random123, kat_vectors, philox4x32-10.
test.each([
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
] as const)("agrees with the reference on counter %s, key %s", (counter, key, expected) => {
  expect(philox4x32(counter, key)).toEqual(expected);
});

test("draws are uniform: no bucket of a seed's stream is far from its share", () => {
  const numBuckets = 64;
  const counts = Array.from({ length: numBuckets }, () => 0);
  const numDraws = 64_000;
  for (let index = 0; index < numDraws; index += 1) counts[Math.floor(uniformAt(42, index) * numBuckets)]! += 1;
  const expected = numDraws / numBuckets;
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // 63 degrees of freedom: above 103 has a chance of 0.1 %.
  expect(chiSquare).toBeLessThan(103);
});

test("seeds that differ only above 32 bits, or only in sign, have different streams", () => {
  const draws = [1, 1 + 2 ** 32, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER].map((seed) =>
    uniformAt(seed, 0),
  );
  expect(new Set(draws).size).toBe(draws.length);
});
