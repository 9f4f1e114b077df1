import { expect, test } from "vitest";
import { TokenBytes } from "@sluice/shared/token-bytes.ts";
import { labelToken } from "./token-label.ts";

/** Tokens of any bytes, in the spelling of byte-level vocabularies. */
function vocabularyOf(tokens: readonly (readonly number[])[]): TokenBytes {
  // char code -> byte, as GPT-2's alphabet has it: what cannot be printed is moved to 256 and up.
  const moved = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !isPrintable(byte));
  const spell = (byte: number) => String.fromCharCode(isPrintable(byte) ? byte : 256 + moved.indexOf(byte));
  const spelled = tokens.map((bytes) => bytes.map(spell).join(""));
  return new TokenBytes((id) => spelled[id] ?? null, "byte-level", new Set());
}

function isPrintable(byte: number): boolean {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

test.each<[string, readonly number[], string, boolean]>([
  ["whole characters", [0x20, 0xf0, 0x9f, 0xa6, 0x8a], " 🦊", true],
  ["a character that breaks off", [0x20, 0xf0, 0x9f], " \\xf0\\x9f", false],
  ["a character that was begun before", [0xa6, 0x8a, 0x41], "\\xa6\\x8aA", false],
  ["broken bytes before whole characters", [0xf0, 0x9f, 0x41, 0xc3, 0xa9], "\\xf0\\x9fAé", false],
  ["an overlong form", [0xc0, 0x80, 0x41], "\\xc0\\x80A", false],
  ["a surrogate", [0xed, 0xa0, 0x80], "\\xed\\xa0\\x80", false],
  ["bytes that never are UTF-8", [0xff, 0x05], "\\xff\u0005", false],
])("%s", (_, bytes, text, isWhole) => {
  expect(labelToken(0, vocabularyOf([bytes]))).toEqual({ text, bytes: Uint8Array.from(bytes), isWhole });
});

test("an id without a token has neither text nor bytes", () => {
  expect(labelToken(5, vocabularyOf([]))).toEqual({ text: "", bytes: undefined, isWhole: true });
});
