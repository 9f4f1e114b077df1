import { literal, repeat, sequence } from "#ingress/grammar/expression.ts";
import { GrammarRules } from "#ingress/grammar/grammar-rules.ts";
import { lowerSchema } from "#ingress/grammar/schema/lower-schema.ts";

const schema = {
  type: "object",
  properties: {
    name: { type: "string" },
    age: { type: "integer", minimum: 0, maximum: 130 },
    tags: { type: "array", items: { type: "string" } },
  },
  required: ["name", "age"],
};

/** Lines of JSON without an end, so that outputs are of one length. */
export function jsonLines(): string {
  const rules = new GrammarRules();
  return rules.toText(repeat(sequence(lowerSchema(schema, rules, "line"), literal("\n")), 1, Infinity));
}
