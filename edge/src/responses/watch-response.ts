import { encodeTypedEvent } from "@sluice/shared/sse.ts";
import { keepEvents, type KeptRelay } from "#edge/proxy/keep-events.ts";
import { brokenStreamError } from "#edge/proxy/relay-events.ts";
import type { EndedResponse } from "./ended-response.ts";
import { EventTail } from "./event-tail.ts";

export interface WatchOptions {
  /** As of `KeepOptions`. */
  readonly keepsBytes: number | undefined;
  /** Of the last event, in UTF-16 units; a longer one is not read. */
  readonly maxLength: number;
  /** Hears of the stream's last event before the caller sees it. */
  readonly onEnd: (response: EndedResponse) => Promise<void> | void;
}

/** Relays the stream of a response. When the region dies, it ends in an error event that goes on counting. */
export function watchResponse(
  body: ReadableStream<Uint8Array>,
  { keepsBytes, maxLength, onEnd }: WatchOptions,
): KeptRelay {
  const tail = new EventTail(maxLength);
  return keepEvents(body, {
    keepsBytes,
    lastWords: () => brokenResponse(tail.nextNumber),
    before: async (bytes) => {
      tail.push(bytes);
      if (tail.final !== undefined) await onEnd(tail.final);
    },
  });
}

/** The blank line first ends an event that was cut in its middle. */
function brokenResponse(sequence_number: number): Uint8Array {
  const { message, code, param } = brokenStreamError().toErrorObject();
  const event = { type: "error", code, message, param, sequence_number };
  return new TextEncoder().encode(`\n\n${encodeTypedEvent(event)}`);
}
