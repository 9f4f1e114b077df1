import type { IncomingMessage } from "node:http";
import { AppError } from "@sluice/shared/errors.ts";

export interface BodyLimits {
  readonly maxBytes: number;
  /** From this call to the last byte. */
  readonly timeoutMs: number;
}

/**
 * The whole body of a JSON request. Throws `unsupported_media_type`, `request_too_large` (before reading, when the length
 * was declared), `request_timeout`, and `request_cancelled` when the client left. After a throw the rest of the body is
 * not read: the connection must be closed.
 */
export function readBody(request: IncomingMessage, limits: BodyLimits): Promise<Uint8Array<ArrayBuffer>> {
  // Not an async iterator: leaving that would destroy the socket, and with it the answer.
  return new Promise((resolve, reject) => {
    assertPlainJson(request);
    if (Number(request.headers["content-length"] ?? 0) > limits.maxBytes) throw new AppError("request_too_large");
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    const timeout = setTimeout(() => fail("request_timeout"), limits.timeoutMs);
    const fail = (code: "request_timeout" | "request_too_large" | "request_cancelled"): void => {
      clearTimeout(timeout);
      request.pause().removeAllListeners("data");
      reject(new AppError(code));
    };
    request.on("data", (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > limits.maxBytes) fail("request_too_large");
      else chunks.push(chunk);
    });
    request.once("end", () => {
      clearTimeout(timeout);
      resolve(Buffer.concat(chunks));
    });
    request.once("close", () => fail("request_cancelled"));
  });
}

function assertPlainJson(request: IncomingMessage): void {
  const mediaType = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (mediaType !== "application/json" || encoding !== "identity") throw new AppError("unsupported_media_type");
}
