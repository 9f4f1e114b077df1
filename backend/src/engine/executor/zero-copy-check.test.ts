import { expect, test } from "vitest";
import { checkZeroCopyInputs } from "./zero-copy-check.ts";

test("finds that the pinned binding does not copy its inputs", async () => {
  await expect(checkZeroCopyInputs()).resolves.toBeUndefined();
});

test("refuses a binding that takes as long as a copy", async () => {
  await expect(checkZeroCopyInputs(0)).rejects.toThrow("copies its CPU inputs");
});
