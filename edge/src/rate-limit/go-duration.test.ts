import { expect, test } from "vitest";
import { goDuration } from "./go-duration.ts";

test.each([
  [0, "0s"],
  [0.2, "1ms"],
  [120, "120ms"],
  [1_000, "1s"],
  [3_530, "3.53s"],
  [59_999, "59.999s"],
  [60_000, "1m0s"],
  [252_172, "4m12.172s"],
  [360_000, "6m0s"],
  [3_600_000, "1h0m0s"],
  [86_400_000, "24h0m0s"],
  [90_061_001, "25h1m1.001s"],
])("%f ms is %s", (durationMs, text) => {
  expect(goDuration(durationMs)).toBe(text);
});
