// Quotas, and what is asked of them, as tests make both.
import type { Limits } from "#edge/rate-limit/limits.ts";
import { Quota, type QuotaLimits, type StoredQuota } from "#edge/rate-limit/quota.ts";

export const leaseMs = 60_000;
export const startMs = Date.UTC(2026, 10, 24);

export function quotaOf(
  limits: Limits,
  modelLimits: QuotaLimits["modelLimits"] = {},
  stored?: StoredQuota,
  nowMs = startMs,
) {
  return new Quota({ limits, modelLimits }, stored, { leaseMs, defaultOutputTokens: 100 }, nowMs);
}

let numAsked = 0;

export function ask(tokens = 10, model = "pocket") {
  numAsked += 1;
  return { requestId: `req_${numAsked}`, model, promptTokens: 0, outputTokens: tokens };
}
