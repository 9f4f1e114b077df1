import { AppError } from "@sluice/shared/errors.ts";
import { goDuration } from "./go-duration.ts";
import type { LimitName } from "./limits.ts";
import type { Refusal } from "./quota.ts";

/** In OpenAI's words, where it has some. */
const limitTexts: Readonly<Record<LimitName, string>> = {
  requestsPerMinute: "requests per min (RPM)",
  tokensPerMinute: "tokens per min (TPM)",
  requestsPerDay: "requests per day (RPD)",
  tokensPerMonth: "tokens per month",
  concurrentRequests: "concurrent requests",
};

/** What the caller is told: to come back after a time, or to ask for less. */
export function refusalError(refusal: Refusal): AppError {
  const { limitName, limit, used, requested } = refusal;
  const numbers = `Limit ${limit}, Used ${used}, Requested ${requested}.`;
  const detail = `${limitName}: ${numbers}`;
  if (refusal.kind === "never") {
    const publicText = `Request too large on ${limitTexts[limitName]}: Limit ${limit}, Requested ${requested}. It can never be admitted as it is: shorten the prompt or ask for fewer tokens.`;
    return new AppError("request_exceeds_limit", { param: "max_tokens", publicText, detail });
  }
  const { retryAfterMs } = refusal;
  if (limitName === "tokensPerMonth") {
    const publicText = `You exceeded your current quota on ${limitTexts[limitName]}: ${numbers} It starts anew in ${goDuration(retryAfterMs)}.`;
    return new AppError("insufficient_quota", { publicText, detail, retryAfterMs });
  }
  const publicText = `Rate limit reached on ${limitTexts[limitName]}: ${numbers} Please try again in ${goDuration(retryAfterMs)}.`;
  const counts = limitName === "tokensPerMinute" ? ({ type: "tokens" } as const) : {};
  return new AppError("rate_limit_exceeded", { publicText, detail, retryAfterMs, ...counts });
}
