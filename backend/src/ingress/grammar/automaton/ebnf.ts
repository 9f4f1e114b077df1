// The parts of XGrammar's EBNF that are used. A class that names characters beyond ASCII takes, in 0.1.27, the bytes of their
// lowest eight bits (CharacterClass in cpp/grammar_functor.cc), and so a class can be any set of bytes; of one byte only, it
// becomes that character's text, unless it is named twice. A negated class of ASCII takes everything beyond ASCII too.
import { complement, intersect } from "#ingress/grammar/char-set.ts";
import type { Label } from "./arms.ts";

export function classOf({ ranges, isFar }: Extract<Label, { kind: "bytes" }>): string {
  if (isFar)
    return `[^${intersect(complement(ranges), [[0, 0x7f]])
      .map(rangeOf)
      .join("")}]`;
  const [range] = ranges;
  if (ranges.length === 1 && range !== undefined && range[0] === range[1] && range[0] > 0x7f) {
    return `[${escapeCode(range[0])}${escapeCode(range[0])}]`;
  }
  return `[${ranges.map(rangeOf).join("")}]`;
}

/** Bytes one after the other: as a text where they are one. */
export function literalOf(bytes: Uint8Array): string[] {
  if (bytes.length === 0) return [];
  const text = decode(bytes);
  if (text !== undefined) return [`"${Array.from(text, escapeChar).join("")}"`];
  return Array.from(bytes, (byte) => classOf({ kind: "bytes", ranges: [[byte, byte]], isFar: false }));
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined;
    throw thrown;
  }
}

function rangeOf([first, last]: readonly [number, number]): string {
  const [from, to] = [escapeCode(first), escapeCode(last)];
  return first === last ? from : `${from}-${to}`;
}

function escapeChar(char: string): string {
  return /[ !#-[\]-~]/.test(char) ? char : escapeCode(char.codePointAt(0) ?? 0);
}

function escapeCode(code: number): string {
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
