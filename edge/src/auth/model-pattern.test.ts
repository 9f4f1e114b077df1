import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fitsPattern } from "./model-pattern.ts";

test.each([
  { pattern: "pocket", fits: ["pocket"], not: ["pocket-2", "a-pocket", ""] },
  { pattern: "*", fits: ["pocket", ""], not: [] },
  { pattern: "acme/*", fits: ["acme/one", "acme/"], not: ["acme", "other/acme/one"] },
  { pattern: "*-instruct", fits: ["one-instruct", "-instruct"], not: ["one-instruct-2"] },
  { pattern: "a*b*c", fits: ["abc", "a-b-c", "abbc"], not: ["ac", "acb", "abcd"] },
  { pattern: "ab*ba", fits: ["abba"], not: ["aba"] },
  { pattern: "a.c", fits: ["a.c"], not: ["abc"] },
])("$pattern fits $fits and not $not", ({ pattern, fits, not }) => {
  expect(fits.filter((name) => !fitsPattern(name, pattern))).toEqual([]);
  expect(not.filter((name) => fitsPattern(name, pattern))).toEqual([]);
});

test("patterns fit as the regular expressions they stand for", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 8 });
  const pattern = fc.string({ unit: fc.constantFrom("a", "b", "*"), maxLength: 6 });
  fc.assert(
    fc.property(text, pattern, (name, glob) => {
      expect(fitsPattern(name, glob)).toBe(new RegExp(`^${glob.replaceAll("*", ".*")}$`).test(name));
    }),
  );
});
