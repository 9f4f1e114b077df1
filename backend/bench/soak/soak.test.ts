import { expect, test } from "vitest";
import { type Answer, isBeginning, isSame } from "./answer.ts";
import { growthOf } from "./memory.ts";
import { runSoak } from "./run-soak.ts";

const mebibyte = 2 ** 20;

// The first seconds of `npm run soak`: enough to preempt, to abort and to refuse, too few to see a slow leak.
test.runIf(process.platform === "linux")(
  "under random requests on too few blocks: every block comes back, every answer is as alone, memory stays",
  { timeout: 300_000 },
  async () => {
    const options = { seed: 7, durationMs: 15_000, numRounds: 3, numPlans: 30, log: () => {} };
    const { wrong, numPreempted, numEnded, rounds } = await runSoak(options);
    expect(wrong).toEqual([]);
    expect(numPreempted).toBeGreaterThan(0);
    for (const how of ["whole", "left", "deadline_exceeded"]) expect(numEnded.get(how)).toBeGreaterThan(0);
    const [, warm, last] = rounds.map(({ memory }) => memory);
    expect((last?.engineHeap ?? Infinity) - (warm?.engineHeap ?? 0)).toBeLessThan(8 * mebibyte);
    expect((last?.mainHeap ?? Infinity) - (warm?.mainHeap ?? 0)).toBeLessThan(8 * mebibyte);
  },
);

const whole: Answer = {
  choices: [
    { text: "one two", calls: "", tokens: [{ logprob: -1 }, { logprob: -2 }], finishReason: "stop", meanLogprob: -1.5 },
    { text: "three", calls: "", tokens: [], finishReason: "length", meanLogprob: undefined },
  ],
  promptTokens: 3,
  completionTokens: 5,
};

/** The whole answer with its first choice bent. */
function bent(first: Partial<Answer["choices"][number]>): Answer {
  return { ...whole, choices: whole.choices.map((choice, index) => (index === 0 ? { ...choice, ...first } : choice)) };
}

test("an answer is the same only to the last bit, and counted alike", () => {
  expect(isSame(bent({}), whole)).toBe(true);
  expect(isSame(bent({ text: "one too" }), whole)).toBe(false);
  expect(isSame(bent({ tokens: [{ logprob: -1 }, { logprob: -2.000001 }] }), whole)).toBe(false);
  expect(isSame(bent({ finishReason: "length" }), whole)).toBe(false);
  expect(isSame(bent({ calls: "other {}" }), whole)).toBe(false);
  expect(isSame({ ...whole, completionTokens: 6 }, whole)).toBe(false);
});

test("a beginning is one only where it agrees, and its end only with all of the text", () => {
  const cut = { finishReason: undefined, meanLogprob: undefined };
  expect(isBeginning(bent({ text: "one", tokens: [{ logprob: -1 }], ...cut }), whole)).toBe(true);
  expect(isBeginning(bent({ text: "", tokens: [], ...cut }), whole)).toBe(true);
  expect(isBeginning(bent({ text: "on two", ...cut }), whole)).toBe(false);
  expect(isBeginning(bent({ tokens: [{ logprob: -2 }], ...cut }), whole)).toBe(false);
  expect(isBeginning(bent({ text: "one" }), whole)).toBe(false);
  expect(isBeginning(bent({ calls: "other", ...cut }), whole)).toBe(false);
});

test("growth is that of the line through the readings", () => {
  expect(growthOf([5, 6, 7, 8])).toBeCloseTo(3);
  expect(growthOf([5, 9, 1, 5])).toBeLessThan(0);
  expect(growthOf([4, 4, 4])).toBe(0);
  expect(growthOf([4])).toBe(0);
});
