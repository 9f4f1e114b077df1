// The bytes of a set of characters. Engines write well-formed UTF-8 only (engine/grammar/utf8-masks.ts), so what the bytes
// would say of overlong forms, surrogates and what is beyond U+10FFFF is free: where that makes one range of two, it is taken.
import type { CharSet } from "#ingress/grammar/char-set.ts";

/** One byte of a range after the other. */
export type ByteSequence = readonly (readonly [first: number, last: number])[];

/** For each length of an encoding: the codes that fit its bits, those that are characters, and the bits of its first byte. */
const lengths = [
  { numMore: 0, codes: [0, 0x7f], chars: [0, 0x7f], lead: 0x00 },
  { numMore: 1, codes: [0, 0x7ff], chars: [0x80, 0x7ff], lead: 0xc0 },
  { numMore: 2, codes: [0, 0xffff], chars: [0x800, 0xffff], lead: 0xe0 },
  { numMore: 3, codes: [0, 0x1fffff], chars: [0x10000, 0x10ffff], lead: 0xf0 },
] as const;

export function utf8Sequences(set: CharSet): ByteSequence[] {
  const filled = withSurrogates(set);
  return lengths.flatMap(({ numMore, codes, chars, lead }) =>
    filled.flatMap(([first, last]) => {
      const [from, to] = [Math.max(first, chars[0]), Math.min(last, chars[1])];
      if (from > to) return [];
      const stretched = [from === chars[0] ? codes[0] : from, to === chars[1] ? codes[1] : to] as const;
      return sequencesOf(stretched[0], stretched[1], numMore, lead);
    }),
  );
}

/** Joins what ends where the surrogates begin to what begins where they end. */
function withSurrogates(set: CharSet): CharSet {
  const before = set.findIndex(([, last]) => last === 0xd7ff);
  const [from, to] = [set[before], set[before + 1]];
  if (from === undefined || to?.[0] !== 0xe000) return set;
  return [...set.slice(0, before), [from[0], to[1]], ...set.slice(before + 2)];
}

/** @param numMore bytes of six bits each behind the first, or behind what `lead` says is the first. */
function sequencesOf(from: number, to: number, numMore: number, lead: number): ByteSequence[] {
  const size = 64 ** numMore;
  const [high, highTo] = [Math.floor(from / size), Math.floor(to / size)];
  if (numMore === 0) return [[[lead + high, lead + highTo]]];
  const [low, lowTo] = [from % size, to % size];
  const parts: ByteSequence[] = [];
  const add = (first: number, last: number, lowFirst: number, lowLast: number): void => {
    for (const rest of sequencesOf(lowFirst, lowLast, numMore - 1, 0x80)) {
      parts.push([[lead + first, lead + last], ...rest]);
    }
  };
  if (high === highTo) {
    add(high, high, low, lowTo);
    return parts;
  }
  const isWholeFirst = low === 0;
  const isWholeLast = lowTo === size - 1;
  if (!isWholeFirst) add(high, high, low, size - 1);
  const [midFirst, midLast] = [isWholeFirst ? high : high + 1, isWholeLast ? highTo : highTo - 1];
  if (midFirst <= midLast) add(midFirst, midLast, 0, size - 1);
  if (!isWholeLast) add(highTo, highTo, 0, lowTo);
  return parts;
}
