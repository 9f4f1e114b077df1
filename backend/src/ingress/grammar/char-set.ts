/** A set of Unicode characters (scalar values, no surrogates): inclusive ranges, ascending, neither touching nor overlapping. */
export type CharSet = readonly (readonly [first: number, last: number])[];

export const everyChar: CharSet = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

export const controlChars: CharSet = [[0, 0x1f]];

/** The characters of a text. */
export function charsOf(text: string): CharSet {
  return union(Array.from(text, (char) => [char.codePointAt(0) ?? 0, char.codePointAt(0) ?? 0] as const));
}

/** All that is in any of the ranges, in whatever order they come. */
export function union(ranges: CharSet): CharSet {
  const merged: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const newest = merged.at(-1);
    if (newest !== undefined && first <= newest[1] + 1) newest[1] = Math.max(newest[1], last);
    else merged.push([first, last]);
  }
  return merged;
}

export function intersect(a: CharSet, b: CharSet): CharSet {
  const both = a.flatMap(([first, last]) =>
    b.map(([otherFirst, otherLast]) => [Math.max(first, otherFirst), Math.min(last, otherLast)] as const),
  );
  return union(both.filter(([first, last]) => first <= last));
}

/** Every character that is not in the set. */
export function complement(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) rest.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= 0x10ffff) rest.push([next, 0x10ffff]);
  return intersect(rest, everyChar);
}

export function subtract(a: CharSet, b: CharSet): CharSet {
  return intersect(a, complement(b));
}

/** Each of its characters. */
export function listChars(set: CharSet): string[] {
  return set.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index)),
  );
}
