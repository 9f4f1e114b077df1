import { expect, test } from "vitest";
import type { AttemptRecord } from "#edge/proxy/attempt.ts";
import { RegionExperience } from "./region-experience.ts";

function learnFrom(...attempts: readonly Partial<AttemptRecord>[]): RegionExperience {
  const experience = new RegionExperience(() => 0);
  for (const attempt of attempts) {
    experience.learn(
      {
        region: "near",
        outcome: "answered",
        status: 200,
        durationMs: 0,
        processingMs: undefined,
        retryAfterMs: undefined,
        cause: undefined,
        ...attempt,
      },
      0,
    );
  }
  return experience;
}

test("what the region itself took is no part of the way there", () => {
  const { roundTrips } = learnFrom({ durationMs: 250, processingMs: 210 });
  expect(roundTrips.expectedMs("near", 0)).toBe(40);
});

test("a region that is full is not ejected for it, and is waited for", () => {
  const full = { outcome: "declined", status: 503, retryAfterMs: 2_000 } as const;
  const { outliers, saturation } = learnFrom(...Array.from({ length: 10 }, () => full));
  expect(outliers.isEjected("near")).toBe(false);
  expect(saturation.delayMs("near")).toBe(2_000);
});

test.each([
  { attempt: { outcome: "unreachable", status: undefined }, times: 1, ejected: true },
  { attempt: { outcome: "declined", status: 401 }, times: 5, ejected: true },
  { attempt: { outcome: "declined", status: 502 }, times: 4, ejected: false },
  { attempt: { outcome: "answered", status: 500 }, times: 5, ejected: true },
  { attempt: { outcome: "answered", status: 400 }, times: 10, ejected: false },
] as const)("$times times $attempt: ejected is $ejected", ({ attempt, times, ejected }) => {
  const { outliers } = learnFrom(...Array.from({ length: times }, () => attempt));
  expect(outliers.isEjected("near")).toBe(ejected);
});
