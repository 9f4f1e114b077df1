import { AppError } from "@sluice/shared/errors.ts";

/** Where in a schema something stands: the keys from its root, and the parameter that holds the root. */
export interface SchemaPath {
  readonly param: string;
  readonly keys: readonly (string | number)[];
}

const MAX_KEY_LENGTH = 64;
const MAX_KEYS = 24;

export function below(path: SchemaPath, ...keys: readonly (string | number)[]): SchemaPath {
  return { ...path, keys: [...path.keys, ...keys] };
}

/** A keyword that JSON Schema knows and that would not be enforced. */
export function unsupportedKeyword(keyword: string, path: SchemaPath, why = "is not supported"): AppError {
  const publicText = `Invalid schema: the keyword '${keyword}' ${why}.`;
  return new AppError("unsupported_parameter", { param: paramOf(below(path, keyword)), publicText });
}

/** @param why of ours, and with nothing of the schema in it. */
export function invalidSchema(path: SchemaPath, why: string): AppError {
  return new AppError("invalid_value", { param: paramOf(path), publicText: `Invalid schema: ${why}.` });
}

/** In OpenAI's dotted form, as `response_format.json_schema.schema.properties.age.minimum`; cut where it gets long. */
function paramOf({ param, keys }: SchemaPath): string {
  return keys.slice(0, MAX_KEYS).reduce<string>((joined, key) => {
    return typeof key === "number" ? `${joined}[${key}]` : `${joined}.${key.slice(0, MAX_KEY_LENGTH)}`;
  }, param);
}
