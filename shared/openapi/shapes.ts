// What hand-written checks know and their schemas do not say, by the name of the member.
import type { JsonSchema } from "./json-schemas.ts";

/** Marks a schema under which nothing is valid; left out of unions. */
export const nothing = { not: {} } as const;

const anyObject: JsonSchema = { type: "object", additionalProperties: true };

const shapes: Readonly<Record<string, JsonSchema>> = {
  logit_bias: {
    type: "object",
    propertyNames: { pattern: "^(?:0|[1-9][0-9]{0,8})$" },
    additionalProperties: { type: "number", minimum: -100, maximum: 100 },
    maxProperties: 1024,
  },
  schema: anyObject,
  parameters: anyObject,
  json: anyObject,
  guided_json: anyObject,
  chat_template_kwargs: anyObject,
  metadata: { type: "object", additionalProperties: { type: "string" } },
  tokens: { type: "array", items: { type: "integer", minimum: 0 } },
};

/** `schema` with each empty schema of a member known here replaced, and no union with a branch for nothing. */
export function completeShapes(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema), (name, value: unknown) => {
    if (name === "anyOf" || name === "oneOf")
      return (value as JsonSchema[]).filter((branch) => branch.not === undefined);
    const shape = shapes[name];
    return shape === undefined ? value : fillIn(value as JsonSchema, shape);
  }) as JsonSchema;
}

function fillIn(schema: JsonSchema, shape: JsonSchema): JsonSchema {
  if (Object.keys(schema).length === 0) return shape;
  if (!Array.isArray(schema.anyOf)) return schema;
  return { ...schema, anyOf: schema.anyOf.map((branch) => fillIn(branch, shape)) };
}
