import { AppError } from "@sluice/shared/errors.ts";
import { type JsonObject, parseJsonObject } from "./parse-json-object.ts";
import { type BodyBounds, readBytes } from "./read-bytes.ts";

/** A JSON body: the bytes as they came, and what they say. */
export interface JsonBody {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly value: JsonObject;
}

/**
 * Reads a request's JSON object within the bounds. Throws `unsupported_media_type`, `request_too_large`,
 * `request_timeout` or `invalid_json`.
 */
export async function readJson(request: Request, bounds: BodyBounds): Promise<JsonBody> {
  const mediaType = request.headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") throw new AppError("unsupported_media_type");
  if ((request.headers.get("content-encoding") ?? "identity").toLowerCase() !== "identity") {
    throw new AppError("unsupported_media_type", {
      publicText: "Send the body uncompressed, without Content-Encoding.",
    });
  }

  const bytes = await readBytes(request, bounds);
  return { bytes, value: parseJsonObject(bytes) };
}
