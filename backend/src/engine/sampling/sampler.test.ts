import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { argmax } from "./argmax.ts";
import { selectTop } from "./rank.ts";
import { fewestSorted, RankSorter } from "./rank-sorter.ts";
import { Sampler } from "./sampler.ts";
import type { SamplingParams } from "./sampling-params.ts";

const everything: SamplingParams = { temperature: 1, topP: 1, topK: 0, seed: 7 };

describe("argmax", () => {
  test("finds the largest in rows of any length, and the first of equals", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 40 }), (row) => {
        expect(argmax(Float32Array.from(row))).toBe(row.indexOf(Math.max(...row)));
      }),
    );
  });

  test("refuses a NaN wherever it stands", () => {
    for (let place = 0; place < 20; place += 1) {
      const row = Float32Array.from({ length: 20 }, (_, id) => (id === place ? NaN : 20 - id));
      expect(() => argmax(row)).toThrow("NaN");
    }
  });

  test("of equal logits takes the lowest id", () => {
    expect(argmax(Float32Array.of(-1, 3, 3, 2))).toBe(1);
  });

  test.each([
    ["a NaN", [1, NaN, 0]],
    ["a NaN in front", [NaN, 1]],
    ["an infinite logit", [1, Infinity]],
    ["only -Infinity", [-Infinity, -Infinity]],
  ])("refuses a row with %s", (_, row) => {
    expect(() => argmax(Float32Array.from(row))).toThrow("logit");
  });
});

// Few distinct values, so that ties are common.
const logitRow = fc.array(
  fc.integer({ min: -12, max: 6 }).map((value) => value / 2),
  { minLength: 1, maxLength: 60 },
);

test("selectTop keeps the best in rank order, ties by id, as a full sort would", () => {
  fc.assert(
    fc.property(logitRow, fc.nat(), (row, k) => {
      const count = 1 + (k % row.length);
      const ids = new Int32Array(row.length);
      selectTop(Float32Array.from(row), count, ids);
      expect([...ids.subarray(0, count)]).toEqual(rankedIds(row).slice(0, count));
    }),
  );
});

test("many tokens are sorted as few are: by logit, ties by id, zeros of either sign alike, and any part of a row", () => {
  const value = fc.oneof(
    fc.constantFrom(0, -0, -Infinity, 1e-40, -1e-40, 3e38, -3e38),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), fc.nat(200), (values, numOthers) => {
      const row = Array.from({ length: fewestSorted + numOthers }, (_, id) => values[id % values.length] ?? 0);
      const logits = Float32Array.from(row);
      const skipped = new Set([3, 5]);
      const ids = Int32Array.from(row.keys().filter((id) => !skipped.has(id)));
      const count = ids.length;
      new RankSorter(row.length).sort(logits, count, ids);
      expect([...ids]).toEqual(rankedIds([...logits]).filter((id) => !skipped.has(id)));
    }),
    { numRuns: 50 },
  );
});

describe("Sampler", () => {
  test("temperature 0 and top-k 1 are greedy, whatever the seed", () => {
    const logits = Float32Array.of(0.1, 2, 1.9, 2);
    const sampler = new Sampler(4);
    expect(sampler.sample(logits, { ...everything, temperature: 0 }, 0)).toBe(1);
    expect(sampler.sample(logits, { ...everything, topK: 1, temperature: 5, seed: 99 }, 3)).toBe(1);
  });

  test("never draws outside the brute-force min-p, top-k and top-p set", () => {
    const params = fc.record({
      temperature: fc.constantFrom(0.3, 1, 1.7),
      topP: fc.constantFrom(0.05, 0.5, 0.9, 0.97, 1),
      topK: fc.nat(70),
      minP: fc.constantFrom(undefined, 0, 0.02, 0.3, 1),
      seed: fc.maxSafeInteger(),
    });
    fc.assert(
      fc.property(logitRow, params, (row, sampling) => {
        const allowed = bruteForceCandidates(row, sampling);
        const sampler = new Sampler(row.length);
        const logits = Float32Array.from(row);
        for (let index = 0; index < 20; index += 1) {
          expect(allowed).toContain(sampler.sample(logits, sampling, index));
        }
      }),
    );
  });

  test("draws every token of the nucleus, and keeps it as small as it can be", () => {
    // Probabilities .4 .3 .2 .1: .7 takes two tokens, anything above takes three.
    const logits = Float32Array.from([0.1, 0.4, 0.2, 0.3], Math.log);
    const sampler = new Sampler(4);
    const drawn = (topP: number): Set<number> =>
      new Set(Array.from({ length: 500 }, (_, index) => sampler.sample(logits, { ...everything, topP }, index)));
    expect(drawn(0.69)).toEqual(new Set([1, 3]));
    expect(drawn(0.71)).toEqual(new Set([1, 3, 2]));
    expect(drawn(0.39)).toEqual(new Set([1]));
  });

  test("min-p keeps exactly the tokens of at least its share of the likeliest one's probability", () => {
    // Of 0.4, the likeliest: .75, .5 and .25.
    const logits = Float32Array.from([0.1, 0.4, 0.2, 0.3], Math.log);
    const sampler = new Sampler(4);
    const drawn = (minP: number, topP = 1): Set<number> =>
      new Set(Array.from({ length: 500 }, (_, index) => sampler.sample(logits, { ...everything, minP, topP }, index)));
    expect(drawn(0.24)).toEqual(new Set([0, 1, 2, 3]));
    expect(drawn(0.26)).toEqual(new Set([1, 2, 3]));
    expect(drawn(0.51)).toEqual(new Set([1, 3]));
    expect(drawn(1)).toEqual(new Set([1]));
    // The nucleus is measured over what min-p left: .4 of .7 is more than half.
    expect(drawn(0.51, 0.55)).toEqual(new Set([1]));
  });

  test.each<[string, Partial<SamplingParams>]>([
    ["alone", {}],
    ["under min-p", { minP: 0.15 }],
    ["under min-p, top-k and top-p", { minP: 0.05, topK: 6, topP: 0.9 }],
  ])("draws follow the softmax, %s", (_, cuts) => {
    const row = [2, 1, 0, -1, 0.5, 1.5, -2, 0.25];
    const params = { ...everything, temperature: 0.8, seed: 1234, ...cuts };
    const sampler = new Sampler(row.length);
    const counts = row.map(() => 0);
    const numDraws = 40_000;
    const logits = Float32Array.from(row);
    for (let index = 0; index < numDraws; index += 1) counts[sampler.sample(logits, params, index)]! += 1;
    const kept = bruteForceCandidates(row, params);
    const expected = probabilities(
      kept.map((id) => row[id]!),
      params.temperature,
    );
    const chiSquare = expected.reduce((sum, probability, rank) => {
      const wanted = probability * numDraws;
      return sum + (counts[kept[rank]!]! - wanted) ** 2 / wanted;
    }, 0);
    expect(kept.reduce((sum, id) => sum + counts[id]!, 0)).toBe(numDraws);
    // At most 7 degrees of freedom: above 24.3 has a chance of 0.1 %.
    expect(chiSquare).toBeLessThan(24.3);
  });

  test("a token depends on row, parameters and index only, not on what the sampler did before", () => {
    fc.assert(
      fc.property(logitRow, logitRow, fc.maxSafeInteger(), fc.nat(1_000), (row, other, seed, index) => {
        const size = Math.max(row.length, other.length);
        const padded = Float32Array.from({ length: size }, (_, id) => row[id] ?? -30);
        const noise = Float32Array.from({ length: size }, (_, id) => other[id] ?? 4);
        const sampling = { temperature: 0.9, topP: 0.9, topK: 20, seed };
        const used = new Sampler(size);
        used.sample(noise, { ...everything, seed: 1 }, 5);
        expect(used.sample(padded, sampling, index)).toBe(new Sampler(size).sample(padded, sampling, index));
      }),
    );
  });

  test("a tiny temperature does not overflow", () => {
    const sampler = new Sampler(3);
    expect(sampler.sample(Float32Array.of(100, -100, 99), { ...everything, temperature: 1e-30 }, 0)).toBe(0);
  });
});

function rankedIds(row: readonly number[]): number[] {
  return [...row.keys()].toSorted((a, b) => row[b]! - row[a]! || a - b);
}

function probabilities(row: readonly number[], temperature: number): number[] {
  const weights = row.map((logit) => Math.exp((logit - Math.max(...row)) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

function bruteForceCandidates(row: readonly number[], params: SamplingParams): number[] {
  const { temperature, topK, topP, minP = 0 } = params;
  const all = probabilities(row, temperature);
  const likeliest = Math.max(...all);
  const ranked = rankedIds(row)
    .slice(0, topK === 0 ? row.length : topK)
    .filter((id) => all[id]! >= minP * likeliest - 1e-12);
  const kept = probabilities(
    ranked.map((id) => row[id]!),
    temperature,
  );
  let mass = 0;
  // The margin lets rounding at an exact tie fall either way.
  const size = kept.findIndex((probability) => (mass += probability) >= topP + 1e-12);
  return ranked.slice(0, size < 0 ? ranked.length : size + 1);
}
