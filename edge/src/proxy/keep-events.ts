// Relays an answer to a caller through this isolate, for an answer that must be had again, or seen before its caller sees it.
// It costs more than relay-events.ts: JS wakes for every piece.
import { joinChunks } from "#edge/body/join-chunks.ts";
import type { Ending } from "./relay-events.ts";

/** An answer, as far as it can be given again. */
export type KeptAnswer =
  | { readonly kind: "whole"; readonly bytes: Uint8Array<ArrayBuffer> }
  /** It is complete, and larger than is kept. */
  | { readonly kind: "too_large" }
  /** It broke off, or nobody kept it. */
  | { readonly kind: "broken" };

export interface KeepOptions {
  /**
   * Most bytes of the answer to keep for a retry, for which the region is read to its end when the caller has left. Absent:
   * nothing is kept, and a caller who leaves ends it.
   */
  readonly keepsBytes: number | undefined;
  /** What a caller is told when the region dies. Absent: its connection breaks. */
  readonly lastWords: (() => Uint8Array) | undefined;
  /** Sees each piece before the caller does. */
  readonly before?: (bytes: Uint8Array) => Promise<void>;
}

export interface KeptRelay {
  readonly readable: ReadableStream<Uint8Array>;
  /** Never rejects; must be given to `waitUntil`. */
  readonly ending: Promise<Ending>;
  /** Never rejects. */
  readonly kept: Promise<KeptAnswer>;
}

/** An answer that is there at once. */
export function keepWhole(bytes: Uint8Array<ArrayBuffer>, keepsBytes: number): KeptAnswer {
  return bytes.byteLength > keepsBytes ? { kind: "too_large" } : { kind: "whole", bytes };
}

export function keepEvents(upstream: ReadableStream<Uint8Array>, options: KeepOptions): KeptRelay {
  const { readable, writable } = new IdentityTransformStream();
  const pumped = pump(upstream, writable, options);
  return { readable, ending: pumped.then(({ ending }) => ending), kept: pumped.then(({ kept }) => kept) };
}

async function pump(
  upstream: ReadableStream<Uint8Array>,
  caller: WritableStream<Uint8Array>,
  { keepsBytes, lastWords, before }: KeepOptions,
): Promise<{ ending: Ending; kept: KeptAnswer }> {
  const reader = upstream.getReader();
  const writer = caller.getWriter();
  const broken = { kind: "broken" } as const;
  let chunks: Uint8Array[] = [];
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
      if (keepsBytes !== undefined && sizeBytes <= keepsBytes) chunks.push(value.slice());
      else chunks = [];
      await before?.(value);
      await tell(value);
      if (isCallerGone && keepsBytes === undefined) {
        await reader.cancel();
        return { ending: "caller_gone", kept: broken };
      }
    }
  } catch (cause) {
    if (lastWords === undefined) await writer.abort(cause).catch(() => undefined);
    else await tell(lastWords());
    await writer.close().catch(() => undefined);
    return { ending: isCallerGone && keepsBytes === undefined ? "caller_gone" : "upstream_died", kept: broken };
  }
  await writer.close().catch(() => undefined);
  const ending = isCallerGone ? "caller_gone" : "complete";
  if (keepsBytes === undefined) return { ending, kept: broken };
  if (sizeBytes > keepsBytes) return { ending, kept: { kind: "too_large" } };
  return { ending, kept: { kind: "whole", bytes: joinChunks(chunks, sizeBytes) } };
}
