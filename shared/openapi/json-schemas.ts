// zod schemas as the JSON Schemas of an OpenAPI document.
import * as z from "zod";
import { isUnsupportedMark } from "../src/openai/unsupported.ts";
import { completeShapes, nothing } from "./shapes.ts";

export type JsonSchema = z.core.JSONSchema.BaseSchema;

interface Visit {
  readonly zodSchema: z.core.$ZodTypes;
  readonly jsonSchema: JsonSchema;
}

/** What of an object schema is refused unless it asks for nothing is left out, and named in its description. */
export function toJsonSchema(schema: z.core.$ZodType, io: "input" | "output"): JsonSchema {
  const converted = z.toJSONSchema(schema, { io, unrepresentable: "any", override: complete });
  const { $schema: _, ...jsonSchema } = converted;
  return completeShapes(jsonSchema);
}

function complete({ zodSchema, jsonSchema }: Visit): void {
  completePipe(zodSchema, jsonSchema);
  omitUnsupported(zodSchema, jsonSchema);
  dropSafeIntegerBounds(jsonSchema);
  nameInteger(jsonSchema);
}

/** What the second of two steps adds: the items of an array whose length was looked at first, or that all is refused. */
function completePipe(zodSchema: z.core.$ZodTypes, jsonSchema: JsonSchema): void {
  const { def } = zodSchema._zod;
  if (def.type !== "pipe") return;
  const out = (def.out as z.core.$ZodTypes)._zod.def;
  if (out.type === "never") Object.assign(jsonSchema, nothing);
  if ((def.in as z.core.$ZodTypes)._zod.def.type === "transform") letTypeBeAbsent(jsonSchema);
  else if (out.type === "array") jsonSchema.items = toJsonSchema(out.element, "input");
}

/** Of a union of objects told apart by their `type`, which a transform before it fills in. */
function letTypeBeAbsent(jsonSchema: JsonSchema): void {
  const { oneOf = [] } = jsonSchema;
  delete jsonSchema.oneOf;
  jsonSchema.anyOf = oneOf.map(({ required = [], ...branch }) => ({
    ...branch,
    required: required.filter((name) => name !== "type"),
  }));
}

function omitUnsupported(zodSchema: z.core.$ZodTypes, jsonSchema: JsonSchema): void {
  const { def } = zodSchema._zod;
  if (def.type !== "object") return;
  const refused = Object.keys(def.shape).filter((name) => isUnsupported(def.shape[name] as z.core.$ZodTypes));
  for (const name of refused) delete jsonSchema.properties?.[name];
  if (refused.length === 0) return;
  const names = refused.map((name) => `\`${name}\``).join(", ");
  jsonSchema.description = `Known, and refused unless they ask for nothing: ${names}.`;
}

function isUnsupported(schema: z.core.$ZodTypes): boolean {
  const { def } = schema._zod;
  if (def.type === "optional") return isUnsupported(def.innerType as z.core.$ZodTypes);
  return (def.checks ?? []).some((check) => "params" in check._zod.def && isUnsupportedMark(check._zod.def.params));
}

/** Of one that is larger than zod's own. */
function nameInteger(jsonSchema: JsonSchema): void {
  if (jsonSchema.multipleOf !== 1) return;
  delete jsonSchema.multipleOf;
  jsonSchema.type = "integer";
}

/** They say only that a number is one of JSON's. */
function dropSafeIntegerBounds(jsonSchema: JsonSchema): void {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}
