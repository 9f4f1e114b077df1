import type { EventEmitter } from "node:events";
import type { Deadline } from "@grpc/grpc-js";
import type { Clock } from "#platform/clock.ts";

/** setTimeout's longest delay; a deadline further off is none. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Any call of a server's, seen from its end. */
interface EndingCall extends EventEmitter {
  getDeadline(): Deadline;
}

/**
 * Calls `leave` once, when the call is over for its caller, however it ended, or its deadline is past. grpc-js answers
 * DEADLINE_EXCEEDED itself, but says `cancelled` only once that reached the caller: one who does not read would hold its
 * blocks past the deadline.
 *
 * @param pastDeadline called after `leave`, when it was the deadline.
 */
export function onCallEnd(call: EndingCall, clock: Clock, leave: () => void, pastDeadline = (): void => {}): void {
  const msLeft = Number(call.getDeadline()) - clock.nowMs();
  const end = (): void => {
    clearTimeout(timer);
    call.off("cancelled", end);
    leave();
  };
  const expire = (): void => {
    end();
    pastDeadline();
  };
  const timer = msLeft > MAX_TIMER_MS ? undefined : setTimeout(expire, Math.max(0, msLeft));
  // Emitted on every ending, a good one included.
  call.once("cancelled", end);
}
