import { expect, test } from "vitest";
import { Saturation } from "./saturation.ts";

test("a region that said it is full is waited for as long as it said, but for half a minute at most", () => {
  let nowMs = 0;
  const saturation = new Saturation(() => nowMs);
  saturation.told("near", 3_000);
  saturation.told("far", 3_600_000);
  expect(["near", "far", "other"].map((id) => saturation.delayMs(id))).toEqual([3_000, 30_000, 0]);
  nowMs = 2_000;
  expect(saturation.delayMs("near")).toBe(1_000);
  nowMs = 60_000;
  expect(["near", "far"].map((id) => saturation.delayMs(id))).toEqual([0, 0]);
});
