// A budget for a calendar month in UTC. Unlike a rate it does not trickle back: it starts anew with the month. Here a
// bucket's debt is what was spent in the month that its `atMs` lies in.
import type { Bucket } from "./gcra.ts";

/** The spend as it stands later: none in a new month. A clock that steps back stands still here. */
export function spendAt({ debt, atMs }: Bucket, nowMs: number): Bucket {
  if (nowMs <= atMs) return { debt, atMs };
  return { debt: nextMonthMs(atMs) <= nowMs ? 0 : debt, atMs: nowMs };
}

/** Milliseconds until the month ends that `spend` is of. */
export function untilNextMonthMs(spend: Bucket, nowMs: number): number {
  return nextMonthMs(spendAt(spend, nowMs).atMs) - nowMs;
}

/** Whether both moments lie in one month. */
export function isSameMonth(oneMs: number, otherMs: number): boolean {
  return nextMonthMs(oneMs) === nextMonthMs(otherMs);
}

function nextMonthMs(atMs: number): number {
  const date = new Date(atMs);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1);
}
