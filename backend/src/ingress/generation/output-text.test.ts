import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byteTokenizerJson, endOfText } from "#ingress/fixtures/byte-tokenizer.ts";
import { responseOf } from "#ingress/fixtures/scripted-logprobs.ts";
import { bytesOf } from "#ingress/fixtures/wire.ts";
import { Detokenizer } from "#ingress/text/detokenizer.ts";
import { Tokenizer } from "#ingress/text/tokenizer.ts";
import type { GenerationPlan, TextPiece } from "./generation.ts";
import { countCodePoints } from "./logged-token.ts";
import { OutputText } from "./output-text.ts";

const { tokenBytes } = new Tokenizer(byteTokenizerJson());

const plan: GenerationPlan = {
  n: 1,
  firstIndex: 0,
  isRanked: false,
  requestId: "r",
  promptTokenIds: bytesOf("ab"),
  maxTokens: 100,
  minTokens: 0,
  temperature: 0,
  topP: 1,
  topK: 0,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  logitBias: [],
  seed: undefined,
  stopStrings: [],
  stopTokenIds: [],
  priority: 0,
  cacheSalt: "",
  tenant: "",
  logprobs: { numTop: 0 },
  echo: undefined,
  grammar: undefined,
  toolFormat: undefined,
  reasoning: undefined,
  returnsTokenIds: false,
};

/** The pieces that a caller gets of messages that come one after another. */
function outputOf(batches: readonly (readonly number[])[], asked: Partial<GenerationPlan>): TextPiece[] {
  const output = new OutputText({ ...plan, ...asked }, tokenBytes);
  const pieces: (TextPiece | undefined)[] = [];
  for (const batch of batches) {
    const stopped = output.push(responseOf({ logprobs: { numTop: 0, prompt: false } }, batch));
    pieces.push(output.take());
    if (stopped) return pieces.filter((piece) => piece !== undefined);
  }
  output.end();
  pieces.push(output.take());
  return pieces.filter((piece) => piece !== undefined);
}

const textOf = (pieces: readonly TextPiece[]): string => pieces.map(({ text }) => text).join("");
const tokensOf = (pieces: readonly TextPiece[]) => pieces.flatMap(({ tokens }) => tokens ?? []);

describe("OutputText", () => {
  test("tells a token with its text, and holds it back with it", () => {
    const pieces = outputOf(["a", "E", "N", "x"].map(bytesOf), { stopStrings: ["END"] });
    expect(pieces.map(({ text, tokens }) => [text, tokens?.map(({ label }) => label.text)])).toEqual([
      ["a", ["a"]],
      ["ENx", ["E", "N", "x"]],
    ]);
  });

  test("never tells a token that a stop string cut off, and tells one that it cut through", () => {
    const pieces = outputOf([bytesOf("a"), [259], bytesOf("b")], { stopStrings: ["w"] });
    expect(textOf(pieces)).toBe("a ");
    expect(tokensOf(pieces).map(({ label }) => label.text)).toEqual(["a", " w"]);
    const cutOff = outputOf(["one ", "END", "x"].map(bytesOf), { stopStrings: ["END"] });
    expect(textOf(cutOff)).toBe("one ");
    expect(tokensOf(cutOff)).toHaveLength(4);
  });

  test("tells tokens without text too, when the output ends", () => {
    const pieces = outputOf([bytesOf("a"), [endOfText]], {});
    expect(pieces.at(-1)).toMatchObject({ text: "", tokens: [{ label: { text: "<|endoftext|>", bytes: undefined } }] });
  });

  test("a stop string completed before the least length is text like any other", () => {
    const batches = [bytesOf("aENDbEN"), bytesOf("Dc")];
    for (const [minTokens, text] of [
      [3, "a"],
      [4, "aENDb"],
      [7, "aENDb"],
      [8, "aENDbENDc"],
    ] as const) {
      expect(textOf(outputOf(batches, { stopStrings: ["END"], minTokens }))).toBe(text);
    }
  });

  test("a character that breaks off at the end is no text, and its tokens are told", () => {
    const pieces = outputOf([bytesOf("a🦊").slice(0, 3)], {});
    expect([textOf(pieces), tokensOf(pieces).length]).toEqual(["a", 3]);
  });

  test("a stop string may begin within the one that did not count", () => {
    expect(textOf(outputOf([bytesOf("aaaa")], { stopStrings: ["aa"], minTokens: 2 }))).toBe("a");
  });

  test("whatever the tokens, messages and stop strings: text and tokens as the whole at once has them", () => {
    const tokenId = fc.oneof(
      fc.constantFrom(...bytesOf("ab "), 256, 258, 259, endOfText),
      fc.constantFrom(...bytesOf("é🦊"), 0xff),
    );
    const asked = fc.record({
      stopStrings: fc.array(fc.constantFrom("ab", "b", "he", "é", " w", "🦊a", "lla", "\uFFFD"), { maxLength: 3 }),
      minTokens: fc.nat(6),
    });
    fc.assert(
      fc.property(fc.array(fc.array(tokenId, { maxLength: 4 }), { maxLength: 8 }), asked, (batches, wish) => {
        const pieces = outputOf(batches, wish);
        const expected = bruteForce(batches.flat(), wish);
        expect(textOf(pieces)).toBe(expected.text);
        expect(tokensOf(pieces).map(({ textOffset }) => textOffset)).toEqual(expected.offsets);
      }),
      { numRuns: 1000 },
    );
  });
});

/** Looks for stop strings in the whole text after each token. */
function bruteForce(
  tokenIds: readonly number[],
  { stopStrings, minTokens }: Pick<GenerationPlan, "stopStrings" | "minTokens">,
) {
  const detokenizer = new Detokenizer(tokenBytes);
  const starts: number[] = [];
  let text = "";
  const cutAt = (length: number) => {
    const told = starts.filter((start) => start < length).map((start) => countCodePoints(text.slice(0, start)));
    return { text: text.slice(0, length), offsets: told };
  };
  for (const [index, tokenId] of tokenIds.entries()) {
    const before = text.length;
    starts.push(before);
    text += detokenizer.push(tokenId);
    if (index + 1 <= minTokens) continue;
    for (let end = before + 1; end <= text.length; end += 1) {
      const found = stopStrings.filter((stop) => text.slice(0, end).endsWith(stop));
      if (found.length > 0) return cutAt(end - Math.max(...found.map((stop) => stop.length)));
    }
  }
  return cutAt(Infinity);
}
