import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LogprobReader } from "./logprobs.ts";
import { PromptLogprobs } from "./prompt-logprobs.ts";

const reader = new LogprobReader();
const logitRow = fc.array(fc.double({ min: -60, max: 60, noNaN: true }), { minLength: 1, maxLength: 40 });

test("logprobs are the log-softmax, and their exponentials sum to 1 over the vocabulary", () => {
  fc.assert(
    fc.property(logitRow, (values) => {
      const row = Float32Array.from(values);
      const all = [...row.keys()].map((id) => reader.read(row, id, 0).logprob);
      expect(all.reduce((sum, logprob) => sum + Math.exp(logprob), 0)).toBeCloseTo(1, 9);
      const max = Math.max(...row);
      const total = row.reduce((sum, logit) => sum + Math.exp(logit - max), 0);
      for (const [id, logprob] of all.entries()) expect(logprob).toBeCloseTo(row[id]! - max - Math.log(total), 9);
    }),
  );
});

test("the top are the likeliest, in order, with their own logprobs, and never more than the vocabulary", () => {
  fc.assert(
    fc.property(logitRow, fc.integer({ min: 0, max: 20 }), (values, numTop) => {
      const row = Float32Array.from(values);
      const { topTokenIds, topLogprobs } = reader.read(row, 0, numTop);
      const ranked = [...row.keys()].toSorted((a, b) => row[b]! - row[a]! || a - b);
      expect(topTokenIds).toEqual(ranked.slice(0, numTop));
      expect(topLogprobs).toEqual(topTokenIds.map((id) => reader.read(row, id, 0).logprob));
    }),
  );
});

test("huge logits do not overflow, and broken ones are refused", () => {
  expect(reader.read(Float32Array.of(3e38, 3e38), 0, 0).logprob).toBeCloseTo(-Math.LN2, 9);
  expect(() => reader.read(Float32Array.of(0, NaN), 0, 1)).toThrow("sum");
  expect(() => reader.read(Float32Array.of(0, Infinity), 0, 1)).toThrow("sum");
  expect(() => reader.read(Float32Array.of(-Infinity), 0, 1)).toThrow("sum");
});

test("a prompt that was skipped in part is refused, not told wrongly", () => {
  const prompt = new PromptLogprobs([1, 2, 3, 4], 0);
  const chunk = { start: 2, numTokens: 2 };
  expect(() => prompt.read(chunk, [Float32Array.of(1, 2, 3, 4, 5)], reader)).toThrow("skipped");
});
