import { AppError } from "@sluice/shared/errors.ts";
import { waitAtMost } from "#edge/deadline.ts";
import { joinChunks } from "./join-chunks.ts";

export interface BodyBounds {
  readonly maxBodyBytes: number;
  readonly bodyTimeoutMs: number;
}

/**
 * The whole body of a message, in memory. Throws `request_too_large` as soon as that is known, and `request_timeout` when
 * the body has not arrived in time.
 */
export async function readBytes(
  message: Pick<Body, "body"> & { readonly headers: Headers },
  bounds: BodyBounds,
): Promise<Uint8Array<ArrayBuffer>> {
  const declaredSizeBytes = Number(message.headers.get("content-length") ?? 0);
  if (declaredSizeBytes > bounds.maxBodyBytes) throw new AppError("request_too_large");
  if (message.body === null) return new Uint8Array();
  if (message instanceof Request && declaredSizeBytes > 0) return readDeclared(message, bounds);

  const reader = message.body.getReader();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    // Ends the pending read; a stream that cannot be cancelled has ended by itself.
    void reader.cancel().catch(() => undefined);
  }, bounds.bodyTimeoutMs);
  try {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (isLate) throw new AppError("request_timeout");
      if (done) return joinChunks(chunks, sizeBytes);
      sizeBytes += value.byteLength;
      if (sizeBytes > bounds.maxBodyBytes) {
        await reader.cancel();
        throw new AppError("request_too_large");
      }
      chunks.push(value);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** HTTP holds a request to the size it declares, so the platform may read it in one piece: a reader costs ten times that. */
async function readDeclared(request: Request, bounds: BodyBounds): Promise<Uint8Array<ArrayBuffer>> {
  const buffer = await waitAtMost(bounds.bodyTimeoutMs, request.arrayBuffer(), () => {
    throw new AppError("request_timeout");
  });
  if (buffer.byteLength > bounds.maxBodyBytes) throw new AppError("request_too_large");
  return new Uint8Array(buffer);
}
