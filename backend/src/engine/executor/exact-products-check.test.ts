import { expect, test } from "vitest";
import { hasExactProducts, sumsOf } from "./exact-products-check.ts";

test("tells sums that were cut off from right ones", async () => {
  const sums = await sumsOf(255, 127);
  expect(await hasExactProducts()).toBe(sums.every((sum) => sum === sums.length ** 0.5 * 255 * 127));
  // Products that fit any processor's pairs are right everywhere: the graph itself is no cause for doubt.
  expect(new Set(await sumsOf(64, 64))).toEqual(new Set([64 * 64 * 64]));
});
