import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addStep, type CostSums, fitCosts } from "./step-costs.ts";

const nothing: CostSums = { pp: 0, pd: 0, dd: 0, pt: 0, dt: 0 };

/** Sums over steps of `[prompt tokens, decodes, milliseconds]`. */
function sumsOf(steps: readonly (readonly [number, number, number])[]): CostSums {
  return steps.reduce(
    (sums, [numPrefillTokens, numDecodeTokens, durationMs]) =>
      addStep(sums, { numPrefillTokens, numDecodeTokens, numDraftTokens: 0, durationMs, startedIds: [] }),
    nothing,
  );
}

describe("what a token costs", () => {
  test.each([
    ["nothing, of no steps", [], undefined, undefined],
    ["a prompt's token, of prompts alone", [[100, 0, 50] as const], 0.5, undefined],
    ["a decode, of decodes alone", [[0, 4, 8] as const], undefined, 2],
    ["one rate, of steps that are all alike", [[32, 16, 12] as const], 0.25, 0.25],
  ])("says %s", (_, steps, prefill, decode) => {
    expect(fitCosts(sumsOf(steps))).toEqual({ prefillMsPerToken: prefill, decodeMsPerSequence: decode });
  });

  test("finds the rates that made the steps", () => {
    const rate = fc.double({ min: 0.001, max: 10, noNaN: true });
    const work = fc.record({ p: fc.integer({ min: 1, max: 512 }), d: fc.integer({ min: 1, max: 64 }) });
    fc.assert(
      fc.property(rate, rate, fc.array(work, { maxLength: 20 }), (prefill, decode, works) => {
        const mixed = [{ p: 256, d: 1 }, { p: 0, d: 32 }, ...works];
        const costs = fitCosts(sumsOf(mixed.map(({ p, d }) => [p, d, p * prefill + d * decode])));
        expect(costs.prefillMsPerToken).toBeCloseTo(prefill, 3);
        expect(costs.decodeMsPerSequence).toBeCloseTo(decode, 3);
      }),
    );
  });

  test("is never negative, whatever was measured", () => {
    const step = fc.tuple(fc.nat(512), fc.nat(64), fc.double({ min: 0, max: 1e4, noNaN: true }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { prefillMsPerToken = 0, decodeMsPerSequence = 0 } = fitCosts(sumsOf(steps));
        expect(prefillMsPerToken).toBeGreaterThanOrEqual(0);
        expect(decodeMsPerSequence).toBeGreaterThanOrEqual(0);
      }),
    );
  });

  test("follows an engine that has become slower", () => {
    const steps = Array.from({ length: 2_000 }, (_, index) => [512, 0, index < 1_000 ? 50 : 100] as const);
    expect(fitCosts(sumsOf(steps)).prefillMsPerToken).toBeCloseTo(100 / 512, 4);
  });
});
