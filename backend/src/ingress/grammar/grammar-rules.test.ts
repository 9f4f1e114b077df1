// Random patterns are tried in bench/grammar/exactness.test.ts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { differences, textsOf } from "#ingress/fixtures/random-patterns.ts";
import { oneOfTexts } from "./expression.ts";
import { GrammarRules } from "./grammar-rules.ts";
import { planGrammar } from "./plan-grammar.ts";

// What XGrammar 0.1.27 makes of the same when it is written as it comes: this check would see it.
test.each([
  { ebnf: 'root ::= "ca" | "aaa" | "aab"', source: "ca|aaa|aab", wrong: ["cb"] },
  { ebnf: 'root ::= [a-z]* [a-z] "c"', source: "[a-z]*[a-z]c", wrong: ["c"] },
  { ebnf: 'root ::= x | y | z\nx ::= "ca"\ny ::= "aaa"\nz ::= "aab"', source: "ca|aaa|aab", wrong: ["cb"] },
])("$ebnf is not what it says", ({ ebnf, source, wrong }) => {
  expect(differences(`${ebnf}\n`, source, textsOf(["a", "b", "c"], 4))).toEqual(wrong);
  expect(differences(planGrammar({ guided_regex: source })?.ebnf ?? "", source, textsOf(["a", "b", "c"], 4))).toEqual(
    [],
  );
});

test("one of several texts is one of them, and nothing else", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "é", "è"), maxLength: 4 });
  fc.assert(
    fc.property(fc.uniqueArray(text, { minLength: 1, maxLength: 8 }), (texts) => {
      const source = texts.join("|");
      expect(
        differences(new GrammarRules().toText(oneOfTexts(texts)), source, textsOf(["a", "b", "é", "è"], 4)),
      ).toEqual([]);
    }),
    { numRuns: 40 },
  );
});

const names = (count: number, name: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, index) => name(index));
const object = (properties: Readonly<Record<string, unknown>>, more = {}) => ({ type: "object", properties, ...more });

// Each took seconds to minutes of the thread that everybody's tokens go through, its memory, or its stack.
test.each<[string, Readonly<Record<string, unknown>>]>([
  ["a pattern of as many sets of states as it has counts", { guided_regex: "(a?){5000}a{5000}" }],
  ["a pattern whose states double with each count", { guided_regex: "(a|b)*a(a|b){20}" }],
  [
    "patterns each of which alone would do",
    {
      guided_json: object(
        Object.fromEntries(
          names(12, (index) => `^([^x${index}]*x){280}$`).map((pattern, index) => [index, { pattern, type: "string" }]),
        ),
      ),
    },
  ],
  ["texts each of which begins with the last", { guided_choice: names(1_500, (index) => "a".repeat(index + 1)) }],
  ["a long name beside others", { guided_json: object({ ["a".repeat(20_000)]: {} }, { additionalProperties: true }) }],
  [
    "a long tuple",
    { guided_json: { type: "array", prefixItems: names(5_000, () => "").map(() => ({ type: "null" })) } },
  ],
  [
    "many schemas in one",
    {
      guided_json: {
        type: "object",
        allOf: names(100, (index) => `${index} `).map((name) => ({ required: names(500, (index) => name + index) })),
      },
    },
  ],
  [
    "many schemas that have to exclude each other",
    {
      guided_json: {
        oneOf: names(1_500, (index) => `${index}`).map((name) =>
          object({ name: { const: name } }, { required: ["name"] }),
        ),
      },
    },
  ],
])("what takes too long to write is refused by its parameter: %s", (_, fields) => {
  const refused = expect.objectContaining({
    code: expect.stringMatching(/^invalid_(grammar|value)$/),
    param: expect.stringMatching(`^${Object.keys(fields)[0]}`),
  });
  expect(() => planGrammar(fields)).toThrow(refused);
});

test("constants of two schemas that exclude each other may be many", () => {
  const oneOf = ["a", "b"].map((letter) => ({ enum: names(1_000, (index) => letter + index) }));
  expect(planGrammar({ guided_json: { oneOf } })?.ebnf.length).toBeGreaterThan(0);
});

test.each([
  ["a dot", ".", ["x", "\u2027", "\u2028", "\u2029", "\u202a", "\n", "\r", "\u0085", "😀"]],
  ["what is no space", "\\S", ["x", "é", "\u00a0", "\u3000", "\u2028", " ", "😀"]],
  ["all but some letters", "[^éa]", ["é", "è", "a", "b", "\u0369", "\n"]],
  ["any character", "[\\s\\S]", ["\0", "a", "\u007f", "\u0080", "\u{10ffff}", "\ud7ff", "\ue000"]],
  [
    "a range of many",
    "[\u0100-\u{1f600}]",
    ["\u00ff", "\u0100", "\u07ff", "\u0800", "\uffff", "\u{10000}", "😀", "\u{1f601}"],
  ],
])("%s is what ECMA-262 says", (_what, source, texts) => {
  expect(differences(planGrammar({ guided_regex: source })?.ebnf ?? "", source, texts)).toEqual([]);
});
