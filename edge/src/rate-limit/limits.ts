// What a key, a project or an organization may use. Every limit is absent when there is none.
import * as z from "zod/mini";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** Keeps `limit * windowMs` a safe integer, with room for debts beyond it; see gcra.ts. */
const maxPerMinute = 10_000_000_000;
const maxPerDay = 10_000_000;
const maxPerMonth = 1_000_000_000_000_000;

function atMost(most: number) {
  return z.optional(z.int().check(z.positive(), z.lte(most)));
}

/** Limits that can also be set for one model. Tokens are those of prompt and output together. */
export const rateLimitsSchema = z.strictObject({
  requestsPerMinute: atMost(maxPerMinute),
  tokensPerMinute: atMost(maxPerMinute),
  requestsPerDay: atMost(maxPerDay),
  /** Requests under way at the same time, streamed or not. */
  concurrentRequests: atMost(100_000),
});

export type RateLimits = Readonly<z.infer<typeof rateLimitsSchema>>;

export const limitsSchema = z.extend(rateLimitsSchema, {
  /** For a calendar month in UTC. */
  tokensPerMonth: atMost(maxPerMonth),
});

export type Limits = Readonly<z.infer<typeof limitsSchema>>;

/** The limits that refill continuously. */
export type RateName = "requestsPerMinute" | "tokensPerMinute" | "requestsPerDay";
export type MeterName = RateName | "tokensPerMonth";
export type LimitName = MeterName | "concurrentRequests";

export const rateNames: readonly RateName[] = ["requestsPerMinute", "tokensPerMinute", "requestsPerDay"];

/** name -> length of its window. */
export const rateWindowsMs: Readonly<Record<RateName, number>> = {
  requestsPerMinute: minuteMs,
  tokensPerMinute: minuteMs,
  requestsPerDay: dayMs,
};
