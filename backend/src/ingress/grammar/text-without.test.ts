import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteGrammar } from "#ingress/fixtures/byte-grammar.ts";
import { GrammarRules } from "./grammar-rules.ts";
import { textWithout } from "./text-without.ts";

test("takes every text that does not hold the word, and no other", () => {
  const grammar = new ByteGrammar(new GrammarRules().toText(textWithout("<ab>")));
  const piece = fc.constantFrom("<", "a", "b", ">", "<ab", "<a", "é", "\n", "<<");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join("");
      expect(grammar.accepts(text)).toBe(!text.includes("<ab>"));
    }),
    { numRuns: 500 },
  );
});
