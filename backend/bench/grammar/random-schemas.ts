import fc from "fast-check";

/** Schemas whose parts begin and end alike: few names and texts, all of the same letters. */
export const randomSchemas: fc.Arbitrary<object> = fc.letrec<{ schema: object }>((tie) => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "é", "è", '"', "\\"), maxLength: 3 });
  const names = fc.uniqueArray(fc.constantFrom("a", "ab", "b", "ba", "é", 'a"', ""), { maxLength: 4 });
  const scalar = fc.oneof(text, fc.integer({ min: -12, max: 12 }), fc.constantFrom(true, false, null, 0.5));
  const structure = fc.oneof(
    fc.array(scalar, { maxLength: 3 }),
    fc.dictionary(fc.constantFrom("a", "ab", "b"), scalar, { maxKeys: 2, noNullPrototype: true }),
  );
  const bounds = fc
    .tuple(fc.integer({ min: -120, max: 120 }), fc.integer({ min: 1, max: 90 }))
    .map(([min, size]) => ({ min, max: min + size }));
  return {
    schema: fc.oneof(
      { maxDepth: 3, depthSize: "small" },
      fc.uniqueArray(fc.oneof(scalar, structure), { minLength: 1, maxLength: 5 }).map((values) => ({ enum: values })),
      bounds.map(({ min, max }) => ({ type: "integer", minimum: min, exclusiveMaximum: max })),
      bounds.map(({ min, max }) => ({ type: "number", exclusiveMinimum: min / 4, maximum: max / 4 })),
      fc.integer({ min: 2, max: 30 }).map((step) => ({ type: "integer", multipleOf: step })),
      fc.record({ type: fc.constant("string"), minLength: fc.nat(3), maxLength: fc.integer({ min: 3, max: 6 }) }),
      fc
        .constantFrom("^(ca|aaa|aab)$", "^[ab]*[ab]b$", "^é+(è|éé)?$", "a.b", "^(a|ab)(b|bb)*$", '^["\\\\]{1,2}$')
        .map((pattern) => ({ type: "string", pattern, maxLength: 7 })),
      fc.subarray(["boolean", "null", "integer", "string"], { minLength: 1 }).map((type) => ({ type })),
      fc.record({
        type: fc.constant("array"),
        items: tie("schema"),
        minItems: fc.nat(2),
        maxItems: fc.integer({ min: 2, max: 3 }),
      }),
      fc.array(tie("schema"), { minLength: 1, maxLength: 3 }).map((prefixItems) => ({
        type: "array",
        prefixItems,
        items: false,
      })),
      fc.array(tie("schema"), { minLength: 2, maxLength: 3 }).map((anyOf) => ({ anyOf })),
      fc
        .tuple(names, fc.array(tie("schema"), { minLength: 4, maxLength: 4 }), fc.array(fc.boolean()), fc.boolean())
        .chain(([keys, parts, required, isOpen]) =>
          tie("schema").map((others) => ({
            type: "object",
            properties: Object.fromEntries(keys.map((key, index) => [key, parts[index] ?? {}])),
            required: keys.filter((_, index) => required[index] === true),
            additionalProperties: isOpen ? others : false,
          })),
        ),
    ),
  };
}).schema;
