import { isDeepStrictEqual } from "node:util";
import type { Effort } from "#ingress/grammar/automaton/effort.ts";
import { isSchemaObject, type SchemaObject } from "./keywords.ts";
import { type SchemaPath, unsupportedKeyword } from "./schema-refusal.ts";

type Merge = (a: unknown, b: unknown) => unknown;

const largest: Merge = (a, b) => Math.max(Number(a), Number(b));
const smallest: Merge = (a, b) => Math.min(Number(a), Number(b));

/** Keywords whose two values have one that says both. */
const merges: Readonly<Record<string, Merge>> = {
  type: commonTypes,
  required: (a, b) => [...new Set([...(a as string[]), ...(b as string[])])],
  minimum: largest,
  exclusiveMinimum: largest,
  minLength: largest,
  minItems: largest,
  minProperties: largest,
  maximum: smallest,
  exclusiveMaximum: smallest,
  maxLength: smallest,
  maxItems: smallest,
  maxProperties: smallest,
  allOf: (a, b) => [...(a as unknown[]), ...(b as unknown[])],
};

/**
 * One schema that is valid where both are.
 *
 * @param keyword what asks for it, to be named when there is no such schema that we know of. @throws AppError @throws TooManyStates
 */
export function mergeSchemas(
  a: SchemaObject,
  b: SchemaObject,
  effort: Effort,
  keyword: string,
  path: SchemaPath,
): SchemaObject {
  effort.spend(numPartsOf(a) + numPartsOf(b));
  const cannot = unsupportedKeyword(keyword, path, "is not supported together with these other keywords");
  const merged: Record<string, unknown> = { ...a, ...b };
  for (const [name, value] of Object.entries(a)) {
    const other = b[name];
    if (!(name in b) || isDeepStrictEqual(value, other)) continue;
    if (name === "properties") {
      merged[name] = mergeProperties(value as SchemaObject, other as SchemaObject);
      continue;
    }
    const merge = merges[name];
    if (merge === undefined) throw cannot;
    merged[name] = merge(value, other);
  }
  // What `additionalProperties` speaks of depends on the properties beside it.
  if (isNarrowedBy(a, b) || isNarrowedBy(b, a)) throw cannot;
  return merged;
}

/** Members and items of all that is in it. */
function numPartsOf(value: unknown): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + 1 + numPartsOf(item), 0);
  return isSchemaObject(value) ? numPartsOf(Object.values(value)) : 0;
}

/** Whether `a` restricts properties that only `b` has. */
function isNarrowedBy(a: SchemaObject, b: SchemaObject): boolean {
  const { additionalProperties = true, unevaluatedProperties } = a;
  if (additionalProperties === true && unevaluatedProperties === undefined) return false;
  const own = (a["properties"] ?? {}) as SchemaObject;
  const others = (b["properties"] ?? {}) as SchemaObject;
  return Object.keys(others).some((name) => !Object.hasOwn(own, name));
}

function mergeProperties(a: SchemaObject, b: SchemaObject): SchemaObject {
  const both = Object.keys(a).filter((name) => Object.hasOwn(b, name) && !isDeepStrictEqual(a[name], b[name]));
  return { ...a, ...b, ...Object.fromEntries(both.map((name) => [name, { allOf: [a[name], b[name]] }])) };
}

function commonTypes(a: unknown, b: unknown): unknown {
  const [one, other] = [[a].flat(), [b].flat()];
  const common = one.flatMap((type) => {
    if (other.includes(type)) return [type];
    if (type === "number" && other.includes("integer")) return ["integer"];
    return type === "integer" && other.includes("number") ? ["integer"] : [];
  });
  return [...new Set(common)];
}
