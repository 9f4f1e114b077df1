import { AppError } from "@sluice/shared/errors.ts";
import { nestsDeeperThan } from "./nesting.ts";
import { type BodyBounds, readBytes } from "./read-bytes.ts";

/** Real requests nest about ten deep; JSON Schemas of tools reach a few dozen. */
const maxDepth = 64;

/** A JSON body: the bytes as they came, and what they say. */
export interface JsonBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly value: Readonly<Record<string, unknown>>;
}

/**
 * Reads a request's JSON object within the bounds. Throws `unsupported_media_type`, `request_too_large`,
 * `request_timeout` or `invalid_json`.
 */
export async function readJson(request: Request, bounds: BodyBounds): Promise<JsonBody> {
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") throw new AppError("unsupported_media_type");

  const bytes = await readBytes(request, bounds);
  const value = parse(bytes);
  if (!isJsonObject(value))
    throw new AppError("invalid_json", { publicText: "The request body is not a JSON object." });
  if (nestsDeeperThan(maxDepth, value)) {
    throw new AppError("invalid_json", { publicText: `The request body nests deeper than ${maxDepth} levels.` });
  }
  return { bytes, value };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch {
    // The parser's own message quotes the input, so it is not kept as a cause.
    throw new AppError("invalid_json");
  }
}

function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
