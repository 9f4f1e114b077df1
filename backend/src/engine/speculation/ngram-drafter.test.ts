import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NgramDrafter } from "./ngram-drafter.ts";

const params = { numSpeculativeTokens: 5, promptLookupMax: 3, promptLookupMin: 2 };

/** Drafts after each token of an output, as the engine does when none is accepted. */
function draftAll(prompt: readonly number[], output: readonly number[], most = 100): (readonly number[])[] {
  const drafter = new NgramDrafter(params, prompt.length);
  return [0, ...output.keys().map((index) => index + 1)].map((length) =>
    drafter.draft([...prompt, ...output.slice(0, length)], most),
  );
}

describe("NgramDrafter", () => {
  test("guesses what followed the same tokens, more of it as guesses come true, and never more than it may", () => {
    const phrase = Array.from({ length: 16 }, (_, index) => 11 + index);
    const lengths = draftAll([1, ...phrase, 2], phrase).map((draft) => draft.length);
    expect(lengths.slice(0, 3)).toEqual([0, 0, 1]);
    expect(Math.max(...lengths)).toBe(5);
    expect(
      draftAll([1, ...phrase, 2], phrase.slice(0, 6))
        .at(-1)
        ?.slice(0, 3),
    ).toEqual([17, 18, 19]);
    expect(Math.max(...draftAll([1, ...phrase, 2], phrase, 2).map((draft) => draft.length))).toBe(2);
  });

  test("prefers the longest n-gram, and of one length the last", () => {
    const prompt = [1, 2, 3, 40, 9, 2, 3, 50, 9, 2, 3, 60, 8, 1, 2, 3];
    expect(new NgramDrafter(params, 5).draft(prompt, 1)).toEqual([40]);
    expect(new NgramDrafter({ ...params, promptLookupMax: 2 }, 5).draft(prompt, 1)).toEqual([60]);
  });

  test("guesses that what repeats repeats on", () => {
    const drafter = new NgramDrafter({ ...params, numSpeculativeTokens: 4 }, 1);
    expect(
      drafter.draft(
        Array.from({ length: 30 }, (_, index) => index % 3),
        9,
      ),
    ).toEqual([0, 1, 2, 0]);
  });

  test("stops guessing where guesses do not come true, and begins again when they would", () => {
    // The pair 1, 2 comes again and again, and something else follows.
    const misleading = Array.from({ length: 60 }, (_, index) => [1, 2, 100 + index]).flat();
    const lengths = draftAll([1, 2], misleading).map((draft) => draft.length);
    expect(lengths.slice(0, 20).some((length) => length > 0)).toBe(true);
    expect(Math.max(...lengths.slice(20))).toBe(0);
    const repeating = Array.from({ length: 40 }, (_, index) => 7 + (index % 4));
    expect(draftAll([1, 2], [...misleading, ...repeating]).at(-1)).toHaveLength(5);
  });

  test("drafts nothing any more when it is stopped", () => {
    const drafter = new NgramDrafter(params, 1);
    drafter.stop();
    expect(drafter.draft([1, 2, 3, 1, 2], 9)).toEqual([]);
  });

  test("drafts known tokens only, the same however the tokens came", () => {
    const tokens = fc.array(fc.nat(3), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(tokens, fc.nat(60), fc.nat(6), (all, numPrompt, most) => {
        const single = new NgramDrafter(params, numPrompt);
        let draft: readonly number[] = [];
        for (let length = 1; length <= all.length; length += 1) draft = single.draft(all.slice(0, length), most);
        expect(draft).toEqual(new NgramDrafter(params, numPrompt).draft(all, most));
        expect(draft.length).toBeLessThanOrEqual(most);
        for (const tokenId of draft) expect(all).toContain(tokenId);
      }),
    );
  });
});
