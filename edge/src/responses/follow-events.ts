import { pingComment } from "@sluice/shared/sse.ts";
import { waitAtMost } from "#edge/deadline.ts";
import type { EventLog } from "./event-log.ts";

/** A follower that left is noticed only when it is written to. */
const pingMs = 5_000;

export interface Followed {
  readonly log: EventLog;
  /** Whether no more events will come. */
  hasEnded(): boolean;
  /** Settles when there are new events, or the end. */
  nextChange(): Promise<void>;
}

/** Writes all events after that of the number, and those that come, until the end. Never rejects. */
export async function followEvents(
  followed: Followed,
  after: number,
  follower: WritableStream<Uint8Array>,
): Promise<void> {
  const writer = follower.getWriter();
  const encoder = new TextEncoder();
  let last = after;
  try {
    for (;;) {
      // In this order: what ends it may have been written in between.
      const hasEnded = followed.hasEnded();
      const change = followed.nextChange();
      for (const { number, text } of followed.log.after(last)) {
        await writer.write(encoder.encode(text));
        last = number;
      }
      if (hasEnded) return await writer.close();
      await waitAtMost(pingMs, change, () => undefined);
      await writer.write(encoder.encode(pingComment));
    }
  } catch {
    // The follower left. Its response goes on.
  }
}
