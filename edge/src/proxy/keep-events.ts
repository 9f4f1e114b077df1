// Relays an answer to a caller and keeps it, for a request whose answer must be had again. Unlike relay-events.ts, the region
// is read to the end when the caller has left: the retry it may send is answered from what was kept.
import { joinChunks } from "#edge/body/join-chunks.ts";
import type { Ending } from "./relay-events.ts";

export interface KeptRelay {
  readonly readable: ReadableStream<Uint8Array>;
  /** Never rejects; must be given to `waitUntil`. */
  readonly ending: Promise<Ending>;
  /** The whole answer. Absent when it broke off, or was larger than may be kept. */
  readonly kept: Promise<Uint8Array<ArrayBuffer> | undefined>;
}

/** @param lastWords what a caller is told when the region dies. Absent: its connection breaks. */
export function keepEvents(
  upstream: ReadableStream<Uint8Array>,
  maxSizeBytes: number,
  lastWords: Uint8Array | undefined,
): KeptRelay {
  const { readable, writable } = new IdentityTransformStream();
  const pumped = pump(upstream, writable, maxSizeBytes, lastWords);
  return { readable, ending: pumped.then(({ ending }) => ending), kept: pumped.then(({ kept }) => kept) };
}

async function pump(
  upstream: ReadableStream<Uint8Array>,
  caller: WritableStream<Uint8Array>,
  maxSizeBytes: number,
  lastWords: Uint8Array | undefined,
): Promise<{ ending: Ending; kept: Uint8Array<ArrayBuffer> | undefined }> {
  const reader = upstream.getReader();
  const writer = caller.getWriter();
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  let isCallerGone = false;
  const tell = async (bytes: Uint8Array) => {
    if (isCallerGone) return;
    await writer.write(bytes).catch(() => {
      isCallerGone = true;
    });
  };
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      sizeBytes += value.byteLength;
      if (sizeBytes <= maxSizeBytes) chunks.push(value.slice());
      await tell(value);
    }
  } catch (cause) {
    if (lastWords === undefined) await writer.abort(cause).catch(() => undefined);
    else await tell(lastWords);
    await writer.close().catch(() => undefined);
    return { ending: "upstream_died", kept: undefined };
  }
  await writer.close().catch(() => undefined);
  const kept = sizeBytes <= maxSizeBytes ? joinChunks(chunks, sizeBytes) : undefined;
  return { ending: isCallerGone ? "caller_gone" : "complete", kept };
}
