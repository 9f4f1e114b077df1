// What \d, \w, \s and the dot stand for. Source: ECMA-262, section 22.2.2 (CharacterClassEscape, WhiteSpace, LineTerminator).
import { type CharSet, charsOf, complement, union } from "#ingress/grammar/char-set.ts";

const digits: CharSet = [[0x30, 0x39]];
const wordChars: CharSet = union([...digits, [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]);
const spaces: CharSet = union([
  [0x09, 0x0d],
  ...charsOf(" \u00a0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"),
  [0x2000, 0x200a],
]);

/** The dot, without the s flag. */
export const anyButLineEnd: CharSet = complement(charsOf("\n\r\u2028\u2029"));

export const classEscapes: Readonly<Record<string, CharSet>> = {
  d: digits,
  D: complement(digits),
  w: wordChars,
  W: complement(wordChars),
  s: spaces,
  S: complement(spaces),
};

export const charEscapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  f: "\f",
  v: "\v",
};
