import { expect, test } from "vitest";
import { Suspects } from "./suspects.ts";

test("a marked region is suspect for five seconds", () => {
  let nowMs = 0;
  const suspects = new Suspects(() => nowMs);
  suspects.mark("near");
  expect([suspects.has("near"), suspects.has("far")]).toEqual([true, false]);
  nowMs = 4_999;
  expect(suspects.has("near")).toBe(true);
  nowMs = 5_000;
  expect(suspects.has("near")).toBe(false);
});
