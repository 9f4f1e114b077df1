// Relays an answer to a caller through this isolate, for an answer that must be had again, or seen before its caller sees it.
// It costs more than relay-events.ts: JS wakes for every piece.
import { joinChunks } from "#edge/body/join-chunks.ts";
import type { Ending } from "./relay-events.ts";

/** Half of what a Durable Object stores in one value; larger answers are not kept. */
const maxKeptBytes = 1024 * 1024;

export interface KeepOptions {
  /** Whether the region is read to its end, and the answer kept, when the caller has left: a retry may ask for it. */
  readonly outlivesCaller: boolean;
  /** What a caller is told when the region dies. Absent: its connection breaks. */
  readonly lastWords: (() => Uint8Array) | undefined;
  /** Sees each piece before the caller does. */
  readonly before?: (bytes: Uint8Array) => Promise<void>;
}

export interface KeptRelay {
  readonly readable: ReadableStream<Uint8Array>;
  /** Never rejects; must be given to `waitUntil`. */
  readonly ending: Promise<Ending>;
  /** The whole answer. Absent when it broke off, was larger than is kept, or does not outlive its caller. */
  readonly kept: Promise<Uint8Array<ArrayBuffer> | undefined>;
}

export function keepEvents(upstream: ReadableStream<Uint8Array>, options: KeepOptions): KeptRelay {
  const { readable, writable } = new IdentityTransformStream();
  const pumped = pump(upstream, writable, options);
  return { readable, ending: pumped.then(({ ending }) => ending), kept: pumped.then(({ kept }) => kept) };
}

async function pump(
  upstream: ReadableStream<Uint8Array>,
  caller: WritableStream<Uint8Array>,
  { outlivesCaller, lastWords, before }: KeepOptions,
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
      if (outlivesCaller && sizeBytes <= maxKeptBytes) chunks.push(value.slice());
      await before?.(value);
      await tell(value);
      if (isCallerGone && !outlivesCaller) {
        await reader.cancel();
        return { ending: "caller_gone", kept: undefined };
      }
    }
  } catch (cause) {
    if (lastWords === undefined) await writer.abort(cause).catch(() => undefined);
    else await tell(lastWords());
    await writer.close().catch(() => undefined);
    return { ending: isCallerGone && !outlivesCaller ? "caller_gone" : "upstream_died", kept: undefined };
  }
  await writer.close().catch(() => undefined);
  const kept = outlivesCaller && sizeBytes <= maxKeptBytes ? joinChunks(chunks, sizeBytes) : undefined;
  return { ending: isCallerGone ? "caller_gone" : "complete", kept };
}
