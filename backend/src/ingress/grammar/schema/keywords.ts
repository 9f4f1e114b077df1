// Every keyword of JSON Schema 2020-12 (and of the older drafts that are still met), and what becomes of it: enforced, of no
// effect on validity, or refused by name. Nothing that would reject an instance is ignored.
import { invalidSchema, type SchemaPath, unsupportedKeyword } from "./schema-refusal.ts";

/** A schema that is an object; its keywords are known to be of the right types. */
export interface SchemaObject {
  readonly [keyword: string]: unknown;
}

export type JsonType = "object" | "array" | "string" | "number" | "integer" | "boolean" | "null";

const jsonTypes: readonly unknown[] = ["object", "array", "string", "number", "integer", "boolean", "null"];

/** Of no effect on validity. */
const annotations: ReadonlySet<string> = new Set([
  "$schema",
  "$id",
  "$comment",
  "$defs",
  "$vocabulary",
  "definitions",
  "title",
  "description",
  "default",
  "deprecated",
  "readOnly",
  "writeOnly",
  "examples",
  "example",
  "contentEncoding",
  "contentMediaType",
  "contentSchema",
  // OpenAPI's hint for anyOf.
  "discriminator",
]);

/** keyword -> the only value, if any, with which it asks for nothing. */
const refused: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["$anchor", undefined],
  ["$dynamicRef", undefined],
  ["$dynamicAnchor", undefined],
  ["$recursiveRef", undefined],
  ["$recursiveAnchor", false],
  ["not", undefined],
  ["if", undefined],
  ["then", undefined],
  ["else", undefined],
  ["dependencies", undefined],
  ["dependentSchemas", undefined],
  ["dependentRequired", undefined],
  ["patternProperties", undefined],
  ["propertyNames", undefined],
  ["unevaluatedItems", false],
  ["additionalItems", undefined],
  ["contains", undefined],
  ["minContains", undefined],
  ["maxContains", undefined],
  ["uniqueItems", false],
  ["nullable", false],
]);

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
const isFinite = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);
const isPositive = (value: unknown): boolean => isFinite(value) && Number(value) > 0;
const isString = (value: unknown): boolean => typeof value === "string";
const isSchemaLike = (value: unknown): boolean => typeof value === "boolean" || isSchemaObject(value);
const isSchemaMap = (value: unknown): boolean => isSchemaObject(value) && Object.values(value).every(isSchemaLike);
const isSchemaList = (value: unknown): boolean => Array.isArray(value) && value.length > 0 && value.every(isSchemaLike);

/** Enforced: keyword -> what its value must be. */
const enforced: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ["$ref", isString],
  ["type", (value: unknown) => [value].flat().length > 0 && [value].flat().every((type) => jsonTypes.includes(type))],
  ["enum", (value: unknown) => Array.isArray(value) && value.length > 0],
  ["const", () => true],
  ["anyOf", isSchemaList],
  ["oneOf", isSchemaList],
  ["allOf", isSchemaList],
  ["properties", isSchemaMap],
  ["required", (value: unknown) => Array.isArray(value) && value.every(isString)],
  ["additionalProperties", isSchemaLike],
  ["unevaluatedProperties", (value: unknown) => value === false],
  ["minProperties", isCount],
  ["maxProperties", isCount],
  ["items", isSchemaLike],
  ["prefixItems", isSchemaList],
  ["minItems", isCount],
  ["maxItems", isCount],
  ["minLength", isCount],
  ["maxLength", isCount],
  ["pattern", isString],
  ["format", isString],
  ["minimum", isFinite],
  ["maximum", isFinite],
  ["exclusiveMinimum", isFinite],
  ["exclusiveMaximum", isFinite],
  ["multipleOf", isPositive],
]);

export const keywordsOfType: Readonly<Record<"object" | "array" | "string" | "number", readonly string[]>> = {
  object: ["properties", "required", "additionalProperties", "unevaluatedProperties", "minProperties", "maxProperties"],
  array: ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"],
};

export function isSchemaObject(value: unknown): value is SchemaObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The keywords that say what is valid.
 *
 * @throws AppError that names the first keyword that is unknown, not enforced, or malformed. Names that begin with `x-` are
 *   a caller's own annotations.
 */
export function assertionsOf(schema: SchemaObject, path: SchemaPath): SchemaObject {
  const assertions: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (annotations.has(keyword) || keyword.startsWith("x-")) continue;
    const isRight = enforced.get(keyword);
    if (isRight === undefined) {
      if (refused.has(keyword) && value === refused.get(keyword)) continue;
      throw unsupportedKeyword(keyword.slice(0, 64), path, refused.has(keyword) ? undefined : "is not known");
    }
    if (!isRight(value)) {
      if (keyword === "items" && Array.isArray(value))
        throw unsupportedKeyword("items", path, "as a list is not supported: use 'prefixItems'");
      throw invalidSchema({ ...path, keys: [...path.keys, keyword] }, `the value of '${keyword}' is malformed`);
    }
    assertions[keyword] = value;
  }
  return assertions;
}
