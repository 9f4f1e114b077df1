// The generic cell rate algorithm: a limit that refills continuously instead of at the strike of the minute. A bucket of
// `burst` units refills at `limit` units a window; what was taken and has not refilled yet is the bucket's debt.
//
// Debt is kept in parts: one unit is `windowMs` parts, so that a millisecond pays back exactly `limit` of them. Everything is
// a whole number, nothing is ever rounded, and no rounding can gain or lose a part of a token.
//
// Source: ATM Forum TM 4.0, "GCRA(T, τ)", in its continuous-state leaky-bucket form; there debt / limit is TAT − now.

/** `limit * windowMs` and `burst * windowMs` must be safe integers. */
export interface Rate {
  /** Units that refill in a window; at least 1. */
  readonly limit: number;
  readonly windowMs: number;
  /** Units a full bucket holds, at most `limit`. */
  readonly burst: number;
}

export interface Bucket {
  /** In parts, as it stood at `atMs`. Above the capacity when more was charged than the bucket held. */
  readonly debt: number;
  readonly atMs: number;
}

export const fullBucket: Bucket = { debt: 0, atMs: 0 };

/** The bucket at a later time. A clock that steps back stands still here. */
export function refill(rate: Rate, { debt, atMs }: Bucket, nowMs: number): Bucket {
  if (nowMs <= atMs) return { debt, atMs };
  return { debt: Math.max(0, debt - rate.limit * (nowMs - atMs)), atMs: nowMs };
}

/** Takes units whether or not they are there. */
export function charge(rate: Rate, bucket: Bucket, cost: number, nowMs: number): Bucket {
  const { debt, atMs } = refill(rate, bucket, nowMs);
  return { debt: debt + cost * rate.windowMs, atMs };
}

/** Gives back debt that is still owed; `parts` is at most that. */
export function giveBack(rate: Rate, bucket: Bucket, parts: number, nowMs: number): Bucket {
  const { debt, atMs } = refill(rate, bucket, nowMs);
  return { debt: debt - parts, atMs };
}

/** Whole units that could be taken now. */
export function remaining(rate: Rate, bucket: Bucket, nowMs: number): number {
  const { debt } = refill(rate, bucket, nowMs);
  return Math.max(0, Math.floor((rate.burst * rate.windowMs - debt) / rate.windowMs));
}

/** Milliseconds until `cost` units are there, if nobody takes any meanwhile; 0 is now, undefined is never. */
export function untilFitsMs(rate: Rate, bucket: Bucket, cost: number, nowMs: number): number | undefined {
  if (cost > rate.burst) return undefined;
  const { debt, atMs } = refill(rate, bucket, nowMs);
  const parts = debt + (cost - rate.burst) * rate.windowMs;
  return parts <= 0 ? 0 : atMs - Math.min(nowMs, atMs) + Math.ceil(parts / rate.limit);
}

/** Milliseconds until the bucket is full. */
export function untilFullMs(rate: Rate, bucket: Bucket, nowMs: number): number {
  const { debt, atMs } = refill(rate, bucket, nowMs);
  return debt === 0 ? 0 : atMs - Math.min(nowMs, atMs) + Math.ceil(debt / rate.limit);
}
