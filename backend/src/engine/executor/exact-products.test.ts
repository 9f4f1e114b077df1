import { expect, test } from "vitest";
import { findExactNumbers, sumsOf } from "./exact-products.ts";

test("finds numbers whose greatest products are summed right on this processor", async () => {
  const stored = await findExactNumbers();
  if (stored === undefined) throw new Error("products of 8-bit numbers are exact nowhere");
  const weight = stored === "int8" ? 127 : 255;
  expect(new Set(await sumsOf(stored, 255, weight))).toEqual(new Set([64 * 255 * weight]));
});

test("takes weights with a sign, the faster form, wherever their products are exact", async () => {
  const areExact = (await sumsOf("int8", 255, 127)).every((sum) => sum === 64 * 255 * 127);
  expect(await findExactNumbers()).toBe(areExact ? "int8" : "uint8");
});

test("products that fit any processor's pairs are right in either form: the graph itself is no cause for doubt", async () => {
  for (const stored of ["int8", "uint8"] as const) {
    expect(new Set(await sumsOf(stored, 64, 64))).toEqual(new Set([64 * 64 * 64]));
  }
});
