import { AppError } from "@sluice/shared/errors.ts";
import addFormats from "ajv-formats";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ByteGrammar } from "#ingress/fixtures/byte-grammar.ts";
import { jsonSchemas } from "@sluice/shared/test-data/json-schemas.ts";
import { seededRandom } from "@sluice/shared/test-data/seeded-random.ts";
import { GrammarRules } from "#ingress/grammar/grammar-rules.ts";
import { lowerSchema } from "./lower-schema.ts";

const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);

function grammarOf(schema: unknown): string {
  const rules = new GrammarRules();
  return rules.toText(lowerSchema(schema, rules, "schema"));
}

function refusalOf(schema: unknown): AppError {
  try {
    grammarOf(schema);
  } catch (thrown) {
    if (thrown instanceof AppError) return thrown;
    throw thrown;
  }
  throw new Error("it was not refused");
}

test.each(Object.entries(jsonSchemas))("everything that is written under %s is valid", (_name, schema) => {
  const grammar = new ByteGrammar(grammarOf(schema));
  const validate = ajv.compile(schema);
  const random = seededRandom(1);
  const texts = Array.from({ length: 25 }, () => grammar.sample(random)).filter((text) => text !== undefined);
  expect(texts.length).toBeGreaterThan(15);
  const isValid = (text: string): boolean => validate(JSON.parse(text));
  expect(texts.filter((text) => !isValid(text))).toEqual([]);
});

// Each with values of which some are valid and some are not: the grammar takes those, and only those.
test.each<[object, unknown[]]>([
  [
    { type: "object", properties: { a: { type: "integer" } }, additionalProperties: false, required: ["a"] },
    [{}, { a: 1 }, { a: 1, b: 2 }, { a: "x" }, 1],
  ],
  [{ type: "object", required: ["z"] }, [{}, { z: 1 }, { a: 1 }]],
  [
    {
      type: "object",
      properties: { a: { type: "integer" } },
      required: ["a"],
      additionalProperties: { type: "string" },
    },
    [{ a: 1, b: "x" }, { a: 1, b: 2 }, { a: 1, ab: "x" }, { b: "x" }, { a: "x" }],
  ],
  [
    { type: "array", items: { type: "integer" }, minItems: 2, maxItems: 3 },
    [[], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4], ["a", 1]],
  ],
  [
    { type: "array", prefixItems: [{ type: "integer" }, { type: "string" }], items: { type: "null" } },
    [[], [1], [1, "a"], [1, "a", null], [1, null], [1, "a", 2]],
  ],
  [{ type: "string", minLength: 2, maxLength: 3 }, ["a", "ab", "abc", "abcd", "éé", "😀😀😀", "😀😀😀😀", '"\\']],
  [{ type: "string", pattern: "^a" }, ["ab", "a", "ba", 'a"']],
  [{ type: "string", pattern: "a$|^b" }, ["ba", "bx", "xa", "ax"]],
  [{ type: "string", pattern: "^[a-z]+$", maxLength: 3, minLength: 2 }, ["a", "ab", "abc", "abcd", "A"]],
  [{ type: "string", pattern: "^\\w+\\s\\S$" }, ["ab c", "ab  c", "a\tb", "a\u00a0é", "a b\u2028", "a \u2028"]],
  [{ type: "string", pattern: "^.$" }, ["a", "é", "😀", "\n", "\u2028", "\u2029", "\u0085", '"']],
  [{ type: "string", pattern: "^(ab)+$", minLength: 3, maxLength: 7 }, ["ab", "abab", "ababa", "ababab", "abababab"]],
  [{ type: "string", pattern: "a", maxLength: 3 }, ["a", "xa", "xxa", "xxxa", "bbb", "éaé"]],
  [{ type: "string", pattern: "5$", format: "date" }, ["2024-05-05", "2024-05-06", "5"]],
  [{ type: "string", maxLength: 300, minLength: 150 }, [149, 150, 191, 192, 256, 300, 301].map((n) => "é".repeat(n))],
  [{ type: "string", minLength: 200 }, [199, 200, 1000].map((n) => "a".repeat(n))],
  [{ type: "array", items: { const: 1 }, maxItems: 200 }, [0, 1, 64, 65, 199, 200, 201].map((n) => Array(n).fill(1))],
  [{ type: "integer", minimum: 3 }, [2, 3, 10, 100, -5, 29]],
  [{ type: "integer", exclusiveMinimum: 3, exclusiveMaximum: 6 }, [3, 4, 5, 6]],
  [{ type: "integer", minimum: 0.5, maximum: 2.5 }, [0, 1, 2, 3]],
  [{ type: ["integer", "string"], minimum: 3, maxLength: 1 }, [2, 3, "a", "ab", null]],
  [{ type: "integer", multipleOf: 7 }, [-14, -1, 0, 6, 7, 8, 70, 77, 78, 700_000_000_000_007, 999_999_999_999_994]],
  [{ type: "integer", multipleOf: 12, minimum: 5, exclusiveMaximum: 36 }, [0, 12, 24, 36, 18]],
  [{ type: "integer", multipleOf: 0.5, minimum: -1 }, [-2, -1, 0, 1, 99]],
  [{ type: "integer", multipleOf: 1000, maximum: 1e15 }, [1000, 1001, -5000, 0, 1500]],
  [{ type: "number", multipleOf: 0.25 }, [0.25, 0.5, 0.3, 1, -2.75, 17.125]],
  [{ type: "number", multipleOf: 2.5, minimum: 2, maximum: 9000 }, [0, 2.5, 5, 7.5, 6, 8997.5, 9000, 9002.5]],
  [{ type: "integer", enum: [1, "a", 2.5] }, [1, "a", 2.5]],
  [
    { enum: [{ a: [1, 2] }, { a: [1, 3] }, { b: [1, 2] }, [1, [2]], [1, [3]]] },
    [{ a: [1, 2] }, { b: [1, 3] }, [1, [3]], [2, [3]]],
  ],
  [{ type: "integer", anyOf: [{ minimum: 3 }, { maximum: 1 }] }, [0, 1, 2, 3]],
  [{ allOf: [{ type: "integer", minimum: 3 }, { maximum: 5 }] }, [2, 3, 5, 6]],
  [{ $ref: "#/$defs/a", minimum: 3, $defs: { a: { type: "integer" } } }, [1, 4]],
  [{ $ref: "#/$defs/a~1b%20c", $defs: { "a/b c": { type: "integer" } } }, [1, "x"]],
  [{ const: 'é"\\\n😀' }, ['é"\\\n😀', "x"]],
])("takes of %j exactly the valid ones", (schema, values) => {
  const grammar = new ByteGrammar(grammarOf(schema));
  const validate = ajv.compile(schema);
  expect(values.map((value) => grammar.accepts(JSON.stringify(value)))).toEqual(values.map((value) => validate(value)));
});

test("numbers are within their bounds, and those of few digits that are within are taken", () => {
  const hundredth = fc.integer({ min: -3000, max: 3000 }).map((value) => value / 100);
  fc.assert(
    fc.property(
      hundredth,
      hundredth,
      fc.boolean(),
      fc.boolean(),
      fc.array(hundredth, { minLength: 20 }),
      (a, b, openLow, openHigh, values) => {
        const [min, max] = [Math.min(a, b), Math.max(a, b) + 0.01];
        const low = openLow ? { exclusiveMinimum: min } : { minimum: min };
        const high = openHigh ? { exclusiveMaximum: max } : { maximum: max };
        for (const type of ["number", "integer"]) {
          const schema = { type, ...low, ...high };
          const validate = ajv.compile(schema);
          const tried = [...values, min, max].filter((value) => !Object.is(value, -0));
          const valid = tried.map((value) => validate(value));
          if (type === "integer" && Math.floor(max) - Math.ceil(min) < 2) continue;
          const grammar = new ByteGrammar(grammarOf(schema));
          expect(tried.map((value) => grammar.accepts(JSON.stringify(value)))).toEqual(valid);
        }
      },
    ),
    { numRuns: 40 },
  );
});

test("multiples are exact, which doubles are not", () => {
  const grammar = new ByteGrammar(grammarOf({ type: "number", multipleOf: 0.01 }));
  const hundredth = fc.integer({ min: -99_999, max: 99_999 }).map((value) => value / 100);
  fc.assert(
    fc.property(hundredth, fc.integer({ min: 1, max: 9 }), (value, digit) => {
      if (Object.is(value, -0)) return;
      expect(grammar.accepts(`${value}`)).toBe(true);
      expect(grammar.accepts(`${value.toFixed(2)}${digit}`)).toBe(false);
      expect(grammar.accepts(`${value.toFixed(2)}0`)).toBe(true);
    }),
  );
});

test.each([
  ["not", { not: { type: "integer" } }],
  ["if", { if: true }],
  ["multipleOf", { type: "integer", multipleOf: 997 }],
  ["multipleOf", { type: "number", multipleOf: 0.0997 }],
  ["uniqueItems", { type: "array", uniqueItems: true }],
  ["contains", { type: "array", contains: true }],
  ["patternProperties", { type: "object", patternProperties: {} }],
  ["propertyNames", { type: "object", propertyNames: true }],
  ["dependentRequired", { type: "object", dependentRequired: {} }],
  ["dependentSchemas", { type: "object", dependentSchemas: {} }],
  ["minProperties", { type: "object", minProperties: 1 }],
  ["maxProperties", { type: "object", maxProperties: 1 }],
  ["items", { type: "array", items: [{ type: "integer" }] }],
  ["format", { type: "string", format: "color" }],
  ["oneOf", { oneOf: [{ type: "integer" }, { type: "number" }] }],
  ["allOf", { allOf: [{ pattern: "a" }, { pattern: "b" }] }],
  ["minimum", { enum: [1, 2], minimum: 2 }],
  ["nullable", { type: "string", nullable: true }],
  ["$dynamicRef", { $dynamicRef: "#a" }],
  ["$ref", { $ref: "https://example.com/schema" }],
  ["misspelt", { type: "string", misspelt: 1 }],
])("refuses '%s' where it would not be enforced, and says where it stands", (keyword, part) => {
  const refusal = refusalOf({ type: "object", properties: { a: { type: "array", items: part } } });
  expect(refusal).toMatchObject({ code: "unsupported_parameter", param: `schema.properties.a.items.${keyword}` });
  expect(refusal.publicText).toContain(`'${keyword}'`);
});

test.each([
  ["is no schema", 7],
  ["has a malformed keyword", { type: "integer", minimum: "3" }],
  ["has an unknown type", { type: "int" }],
  ["has a reference that leads nowhere", { $ref: "#/$defs/x" }],
  ["refers to nothing but itself", { $ref: "#" }],
  ["allows nothing", { type: "integer", minimum: 10, maximum: 9 }],
  ["has patterns that exclude each other", { type: "string", pattern: "^a$", minLength: 2 }],
  ["has a pattern of too many states", { type: "string", pattern: "a.{20}b" }],
  ["has a step of 0", { type: "number", multipleOf: 0 }],
  ["allows no multiple", { type: "integer", multipleOf: 10, minimum: 1, maximum: 9 }],
  ["requires what it forbids", { type: "object", required: ["a"], additionalProperties: false }],
  ["has a pattern that is none", { type: "string", pattern: "(" }],
  ["has a pattern that is not regular", { type: "string", pattern: "(?=a)" }],
  ["has a pattern of too many repetitions", { type: "string", pattern: "^((a{100}){100}){100}$" }],
  ["is nested too deeply", Array.from({ length: 100 }).reduce((inner) => ({ type: "array", items: inner }), {})],
  ["grows without end", { allOf: [{ $ref: "#" }, { type: "object" }] }],
])("refuses a schema that %s", (_what, schema) => {
  expect(refusalOf(schema).code).toBe("invalid_value");
});
