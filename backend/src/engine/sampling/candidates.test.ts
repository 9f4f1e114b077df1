import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Candidates, drawBeyond, drawsFromAll, makeCandidates, sampleCandidates } from "./candidates.ts";
import { selectTop } from "./rank.ts";
import { Sampler } from "./sampler.ts";
import type { SamplingParams } from "./sampling-params.ts";

const vocabSize = 40;
const numCandidates = 12;
const sampler = new Sampler(vocabSize);

/** Multiples of 0.25: equal ones are common. */
const rows = fc
  .array(fc.integer({ min: -20, max: 20 }), { minLength: vocabSize, maxLength: vocabSize })
  .map((quarters) => Float32Array.from(quarters, (quarter) => quarter / 4));

function candidatesOf(logits: Float32Array, temperature: number): Candidates {
  const candidates = makeCandidates(numCandidates, temperature);
  selectTop(logits, numCandidates, candidates.tokenIds);
  candidates.logits.set(Float32Array.from(candidates.tokenIds, (id) => logits[id] ?? NaN));
  const largest = Math.max(...logits);
  candidates.totalWeight = logits.reduce((sum, logit) => sum + Math.exp((logit - largest) / temperature), 0);
  return candidates;
}

describe("a choice from candidates", () => {
  test("is the sampler's choice from the whole row, wherever it is one", () => {
    let numDecided = 0;
    let numLeft = 0;
    fc.assert(
      fc.property(
        rows,
        fc.record({
          temperature: fc.constantFrom(0, 0.3, 1, 2),
          topK: fc.constantFrom(0, 1, 5, numCandidates, 30),
          topP: fc.constantFrom(0.2, 0.9, 1),
          seed: fc.nat(1000),
        }),
        fc.nat(100),
        (logits, params, index) => {
          // What is drawn from all, in which order does not matter: see below.
          fc.pre(!drawsFromAll(params));
          const token = sampleCandidates(candidatesOf(logits, params.temperature), params, index);
          if (token === undefined) numLeft += 1;
          else numDecided += 1;
          expect([undefined, sampler.sample(logits, params, index)]).toContain(token);
          const isCutShort = params.topK > 0 && params.topK <= numCandidates;
          expect(isCutShort && token === undefined).toBe(false);
        },
      ),
      { numRuns: 2000 },
    );
    expect(numDecided).toBeGreaterThan(500);
    expect(numLeft).toBeGreaterThan(50);
  });

  test.each([
    ["nothing is cut", 0],
    ["min-p cuts within the candidates", 0.5],
  ])("has the row's probabilities where %s", (_, minP) => {
    const logits = Float32Array.from({ length: vocabSize }, (__, id) => ((id * 7) % vocabSize) / 10);
    const params: SamplingParams = { temperature: 1, topK: 0, topP: 1, minP, seed: 3 };
    const candidates = candidatesOf(logits, 1);
    const numDraws = 20_000;
    const counts = new Float64Array(vocabSize);
    let numBeyond = 0;
    for (let index = 0; index < numDraws; index += 1) {
      const token = sampleCandidates(candidates, params, index);
      if (token === undefined) numBeyond += 1;
      const drawn = token ?? drawBeyond(logits, candidates, params, index);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    expect(numBeyond > 1000).toBe(drawsFromAll(params));
    const largest = Math.max(...logits);
    const weights = Array.from(logits, (logit) => Math.exp(logit - largest));
    const kept = weights.map((weight) => (weight >= minP ? weight : 0));
    const total = kept.reduce((sum, weight) => sum + weight, 0);
    for (const [id, weight] of kept.entries()) {
      const share = weight / total;
      // Five standard deviations.
      const bound = 5 * Math.sqrt((share * (1 - share)) / numDraws);
      expect(Math.abs((counts[id] ?? 0) / numDraws - share)).toBeLessThanOrEqual(bound);
    }
  });

  test("is never made when min-p or top-k may keep more than the candidates", () => {
    const logits = new Float32Array(vocabSize);
    const base = { temperature: 1, topP: 1, seed: 1 };
    expect(sampleCandidates(candidatesOf(logits, 1), { ...base, topK: 0, minP: 0.5 }, 0)).toBeUndefined();
    expect(sampleCandidates(candidatesOf(logits, 1), { ...base, topK: numCandidates + 1 }, 0)).toBeUndefined();
  });

  test.each([NaN, Infinity, -Infinity])("is refused when the largest logit is %d", (largest) => {
    const candidates = makeCandidates(3, 0);
    candidates.logits.fill(largest);
    expect(() => sampleCandidates(candidates, { temperature: 0, topK: 0, topP: 1, seed: 0 }, 0)).toThrow(
      "largest logit",
    );
  });
});
