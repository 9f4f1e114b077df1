import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LogitAdjustments, SamplingParams } from "./sampling-params.ts";
import { type SequenceState, TokenChooser } from "./token-chooser.ts";
import { TokenHistory } from "./token-history.ts";

const greedy: SamplingParams = { temperature: 0, topP: 1, topK: 0, seed: 7 };
const none: LogitAdjustments = { presencePenalty: 0, frequencyPenalty: 0, repetitionPenalty: 1, logitBias: [] };

function stateOf(prompt: readonly number[], output: readonly number[], bannedTokenIds: readonly number[] = []) {
  const history = new TokenHistory(prompt.length);
  return { tokenIds: [...prompt, ...output], numOutputTokens: output.length, history, bannedTokenIds };
}

describe("TokenChooser", () => {
  test.each<[string, Partial<LogitAdjustments>, readonly number[], readonly number[], number]>([
    // Logits are 3, 2.5, 2, -1.
    ["nothing: the likeliest", {}, [0], [0], 0],
    ["presence penalty: once, however often", { presencePenalty: 0.6 }, [], [0, 0, 0], 1],
    ["presence penalty: not for the prompt", { presencePenalty: 2 }, [0], [], 0],
    ["presence penalty: less than the lead", { presencePenalty: 0.4 }, [], [0], 0],
    ["frequency penalty: for each time", { frequencyPenalty: 0.2 }, [], [0, 0, 0], 1],
    ["frequency penalty: too few times", { frequencyPenalty: 0.2 }, [], [0, 0], 0],
    ["frequency penalty: not for the prompt", { frequencyPenalty: 2 }, [0, 0, 0], [], 0],
    ["a negative penalty: a reward", { presencePenalty: -2 }, [], [2], 2],
    ["repetition penalty: for the prompt", { repetitionPenalty: 1.3 }, [0], [], 1],
    ["repetition penalty: for the output", { repetitionPenalty: 1.3 }, [], [0], 1],
    ["repetition penalty: once for a token of both", { repetitionPenalty: 1.15 }, [0], [0], 0],
    ["bias: up", { logitBias: [{ tokenId: 3, bias: 4.1 }] }, [], [], 3],
    ["bias: a ban", { logitBias: [{ tokenId: 0, bias: -100 }] }, [], [], 1],
    // Bias first: (−1 + 4.2) / 1.1 = 2.91 < 3, where 4.2 − 1.1 = 3.1 would win.
    [
      "bias before the repetition penalty",
      { logitBias: [{ tokenId: 3, bias: 4.2 }], repetitionPenalty: 1.1 },
      [3],
      [],
      0,
    ],
  ])("%s", (_, adjustments, prompt, output, expected) => {
    const params = { ...greedy, adjustments: { ...none, ...adjustments } };
    const logits = Float32Array.of(3, 2.5, 2, -1);
    expect(new TokenChooser(4).choose(logits, params, stateOf(prompt, output))).toBe(expected);
    expect([...logits]).toEqual([3, 2.5, 2, -1]);
  });

  test("a negative logit is multiplied by the repetition penalty, so that it falls too", () => {
    const params = { ...greedy, adjustments: { ...none, repetitionPenalty: 2 } };
    expect(new TokenChooser(2).choose(Float32Array.of(-1, -1.5), params, stateOf([0], []))).toBe(1);
  });

  test("a banned token is never chosen, whatever its bias and the temperature", () => {
    const adjustments = { ...none, logitBias: [{ tokenId: 0, bias: 100 }] };
    const chooser = new TokenChooser(3);
    for (const temperature of [0, 1, 2]) {
      for (let seed = 0; seed < 200; seed += 1) {
        const params = { ...greedy, temperature, seed, adjustments };
        expect(chooser.choose(Float32Array.of(9, 0, 8), params, stateOf([], [], [0, 2]))).toBe(1);
      }
    }
    expect(() => chooser.choose(Float32Array.of(9, 0, 8), greedy, stateOf([], [], [0, 1, 2]))).toThrow("logit");
  });

  test("a NaN is refused, adjusted or not", () => {
    const params = { ...greedy, adjustments: { ...none, presencePenalty: 1 } };
    expect(() => new TokenChooser(2).choose(Float32Array.of(NaN, 1), params, stateOf([0], [0]))).toThrow("NaN");
  });

  test("adjusts as the written-out formulas do, at every step of a sequence, among others", () => {
    const bias = fc.record({ tokenId: fc.nat(11), bias: fc.integer({ min: -100, max: 100 }) });
    const adjustments = fc.record({
      presencePenalty: fc.constantFrom(0, -2, 0.5, 2),
      frequencyPenalty: fc.constantFrom(0, -0.25, 1),
      repetitionPenalty: fc.constantFrom(1, 0.5, 1.25, 2),
      logitBias: fc.array(bias, { maxLength: 4 }),
    });
    const tokenIds = fc.array(fc.nat(11), { maxLength: 12 });
    // Eighths, so that most sums are exact and ties happen.
    const logits = fc.array(
      fc.integer({ min: -40, max: 40 }).map((value) => value / 8),
      { minLength: 12, maxLength: 12 },
    );
    fc.assert(
      fc.property(tokenIds, tokenIds, adjustments, logits, (prompt, output, adjusting, row) => {
        const chooser = new TokenChooser(12);
        const history = new TokenHistory(prompt.length);
        for (let numOutputTokens = 0; numOutputTokens <= output.length; numOutputTokens += 1) {
          const known = { prompt, output: output.slice(0, numOutputTokens) };
          const state: SequenceState = { ...stateOf(known.prompt, known.output), history };
          // Somebody else's token in between leaves nothing behind.
          chooser.choose(Float32Array.from(row), { ...greedy, adjustments: none }, stateOf(output, prompt, [3]));
          const chosen = chooser.choose(Float32Array.from(row), { ...greedy, adjustments: adjusting }, state);
          const expected = bruteForce(row, adjusting, known.prompt, known.output);
          expect(expected[chosen]).toBeCloseTo(Math.max(...expected), 4);
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** vLLM's formulas, one token after another, from nothing but the lists of tokens. */
function bruteForce(
  row: readonly number[],
  by: LogitAdjustments,
  prompt: readonly number[],
  output: readonly number[],
) {
  return row.map((logit, id) => {
    let adjusted = logit;
    for (const { tokenId, bias } of by.logitBias) if (tokenId === id) adjusted += bias;
    if (prompt.includes(id) || output.includes(id)) {
      adjusted = adjusted > 0 ? adjusted / by.repetitionPenalty : adjusted * by.repetitionPenalty;
    }
    const count = output.filter((tokenId) => tokenId === id).length;
    return adjusted - count * by.frequencyPenalty - (count > 0 ? by.presencePenalty : 0);
  });
}

test("tokens that cannot stand give way to the others in proportion to these", () => {
  const chooser = new TokenChooser(3);
  const logits = Float32Array.from([Math.log(0.5), Math.log(0.3), Math.log(0.2)]);
  const allowed = Int32Array.from([0b110]);
  const state: SequenceState = { tokenIds: [0], numOutputTokens: 0, history: undefined, bannedTokenIds: [] };
  const numDraws = 20_000;
  const counts = [0, 0, 0];
  for (let seed = 0; seed < numDraws; seed += 1) {
    const params = { ...greedy, temperature: 1, seed };
    const first = chooser.choose(logits, params, state);
    const tokenId = first === 0 ? chooser.chooseAgain(logits, params, { ...state, allowed }) : first;
    counts[tokenId] = (counts[tokenId] ?? 0) + 1;
  }
  expect(counts[0]).toBe(0);
  // 3.5 standard deviations.
  expect(Math.abs((counts[1] ?? 0) / numDraws - 0.6)).toBeLessThan(0.0122);
});
