import { AppError } from "@sluice/shared/errors.ts";
import { nestsDeeperThan } from "./nesting.ts";

/** Real requests nest about ten deep; JSON Schemas of tools reach a few dozen. */
const maxDepth = 64;

/** One for all: to make one costs more than to decode a body. Without `stream` it remembers nothing between two calls. */
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

export type JsonObject = Readonly<Record<string, unknown>>;

/** Throws `invalid_json` when the bytes are no JSON object, or one that nests too deep. */
export function parseJsonObject(bytes: Uint8Array): JsonObject {
  const value = parse(bytes);
  if (!isJsonObject(value))
    throw new AppError("invalid_json", { publicText: "The request body is not a JSON object." });
  if (nestsDeeperThan(maxDepth, value)) {
    throw new AppError("invalid_json", { publicText: `The request body nests deeper than ${maxDepth} levels.` });
  }
  return value;
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    // The parser's own message quotes the input, so it is not kept as a cause.
    throw new AppError("invalid_json");
  }
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
