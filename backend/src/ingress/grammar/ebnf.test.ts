import fc from "fast-check";
import { expect, test } from "vitest";
import { oneOfTexts } from "./ebnf.ts";

test.each([
  { texts: ["ca", "aaa", "aab"], written: '("ca" | ("aa" ("a" | "b")))' },
  { texts: ["a", "ab", "a"], written: '("a" ("" | "b"))' },
  { texts: ["only"], written: '"only"' },
  { texts: [""], written: '""' },
])("$texts are written as $written", ({ texts, written }) => {
  expect(oneOfTexts(texts)).toBe(written);
});

test("what is written are the texts, and nothing else", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 5 });
  fc.assert(
    fc.property(fc.uniqueArray(text, { minLength: 1, maxLength: 6 }), text, (texts, tried) => {
      // Of these characters the same means the same to a regular expression.
      const pattern = new RegExp(`^(?:${oneOfTexts(texts).replaceAll(/[" ]/g, "")})$`);
      for (const each of texts) expect(pattern.test(each)).toBe(true);
      expect(pattern.test(tried)).toBe(texts.includes(tried));
    }),
  );
});
