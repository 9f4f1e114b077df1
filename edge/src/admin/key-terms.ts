// A key's limits and tiers as the admin API words them.
import * as z from "zod/mini";
import type { KeyTerms } from "#edge/auth/key-record.ts";
import { serviceTierSchema } from "#edge/auth/service-tier.ts";
import { limitsSchema, type RateLimits, rateLimitsSchema } from "#edge/rate-limit/limits.ts";

const { requestsPerMinute, tokensPerMinute, requestsPerDay, concurrentRequests } = rateLimitsSchema.shape;

const rateFields = {
  rpm: requestsPerMinute,
  tpm: tokensPerMinute,
  rpd: requestsPerDay,
  /** Requests under way at the same time. */
  concurrency: concurrentRequests,
};

const maxModelsWithLimits = 100;

/** Fields of a creation or change. All limits are given together: one that is missing where another is given is lifted. */
export const keyTermsFields = {
  ...rateFields,
  tokens_per_month: limitsSchema.shape.tokensPerMonth,
  /** model -> limits that hold for it beside the key's own. */
  model_limits: z.optional(
    z
      .record(z.string().check(z.maxLength(256)), z.strictObject(rateFields))
      .check(z.refine((limits) => Object.keys(limits).length <= maxModelsWithLimits)),
  ),
  service_tiers: z.optional(z.array(serviceTierSchema).check(z.maxLength(3))),
};

type WireRates = z.output<z.ZodMiniObject<typeof rateFields>>;
type WireTerms = z.output<z.ZodMiniObject<typeof keyTermsFields>>;

export function toKeyTerms(wire: WireTerms): KeyTerms {
  const limits = { ...toRateLimits(wire), ...present({ tokensPerMonth: wire.tokens_per_month }) };
  const modelLimits = Object.entries(wire.model_limits ?? {}).map(
    ([model, own]) => [model, toRateLimits(own)] as const,
  );
  return {
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(wire.model_limits !== undefined && { modelLimits: Object.fromEntries(modelLimits) }),
    ...(wire.service_tiers !== undefined && { serviceTiers: wire.service_tiers }),
  };
}

function toRateLimits({ rpm, tpm, rpd, concurrency }: WireRates): RateLimits {
  return present({
    requestsPerMinute: rpm,
    tokensPerMinute: tpm,
    requestsPerDay: rpd,
    concurrentRequests: concurrency,
  });
}

/** Without what is undefined, which the platform would otherwise store as a value. */
function present<Fields extends Record<string, number | undefined>>(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields;
}
