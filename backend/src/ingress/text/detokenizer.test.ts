import * as fc from "fast-check";
import { expect, test } from "vitest";
import { byteTokenizerJson } from "#ingress/fixtures/byte-tokenizer.ts";
import { Detokenizer } from "./detokenizer.ts";
import { TokenBytes } from "@sluice/shared/token-bytes.ts";
import { Tokenizer } from "./tokenizer.ts";
import { Tokenizer as NativeTokenizer } from "tokenizers";

const json = byteTokenizerJson();
const tokenizer = new Tokenizer(json);
const native = NativeTokenizer.fromString(json);

function pieces(tokenIds: readonly number[]): string[] {
  const detokenizer = new Detokenizer(tokenizer.tokenBytes);
  return [...tokenIds.map((id) => detokenizer.push(id)), detokenizer.flush()];
}

test("any text comes back, and no piece ends inside a character", async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: "binary", maxLength: 60 }), async (text) => {
      const output = pieces(await tokenizer.encodeRendered(tokenizer.controlText.protect(text)));
      expect(output.join("")).toBe(text);
      for (const piece of output)
        expect(piece.isWellFormed() && (text.includes("\uFFFD") || !piece.includes("\uFFFD"))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("any tokens, however broken their bytes, decode as the whole does at once", async () => {
  const anyToken = fc.integer({ min: 0, max: tokenizer.vocabSize + 3 });
  await fc.assert(
    fc.asyncProperty(fc.array(anyToken, { maxLength: 60 }), async (ids) => {
      expect(pieces(ids).join("")).toBe(await native.decode(ids, true));
    }),
    { numRuns: 500 },
  );
});

test("a character is held until its last byte", async () => {
  const ids = await tokenizer.encodeRaw("a🦊b");
  expect(pieces(ids)).toEqual(["a", "", "", "", "🦊", "b", ""]);
});

test("a text that breaks off inside a character ends with U+FFFD", async () => {
  const ids = await tokenizer.encodeRaw("a🦊");
  expect(pieces(ids.slice(0, 3))).toEqual(["a", "", "", "\uFFFD"]);
});

test("a byte order mark is kept", async () => {
  expect(pieces(await tokenizer.encodeRaw("\uFEFFa")).join("")).toBe("\uFEFFa");
});

test("byte-fallback vocabularies spell spaces and bytes their own way", () => {
  const tokens = ["▁hi", "<0xF0>", "<0x9F>", "<0xA6>", "<0x8A>", "</s>"];
  const detokenizer = new Detokenizer(new TokenBytes((id) => tokens[id] ?? null, "byte-fallback", new Set([5])));
  const output = [0, 1, 2, 3, 4, 5, 6].map((id) => detokenizer.push(id));
  expect(output).toEqual([" hi", "", "", "", "🦊", "", ""]);
});
