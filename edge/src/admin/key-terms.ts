// A key's limits and tiers as the admin API words them.
import * as z from "zod/mini";
import type { KeyTerms } from "#edge/auth/key-record.ts";
import { scopeSchema } from "#edge/auth/scope.ts";
import { serviceTierSchema } from "#edge/auth/service-tier.ts";
import { parseCidr } from "#edge/ip/cidr.ts";
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

const maxPatterns = 200;
const maxOrigins = 100;
const maxNetworks = 10_000;

const patterns = z.optional(
  z.array(z.string().check(z.minLength(1), z.maxLength(256))).check(z.maxLength(maxPatterns)),
);

/** Networks or addresses in CIDR notation, IPv4 or IPv6. */
const networks = z.optional(
  z
    .array(
      z.string().check(
        z.maxLength(64),
        z.refine((text) => parseCidr(text) !== undefined),
      ),
    )
    .check(z.maxLength(maxNetworks)),
);

/** `https://app.example.com`, as browsers send it. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

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
  scopes: z.optional(z.array(scopeSchema).check(z.maxLength(3))),
  /** Patterns, in which `*` stands for any text. */
  models: patterns,
  denied_models: patterns,
  allowlist: networks,
  denylist: networks,
  origins: z.optional(z.array(z.string().check(z.refine(isOrigin))).check(z.maxLength(maxOrigins))),
  jurisdictions: z.optional(z.array(z.string().check(z.maxLength(64))).check(z.maxLength(64))),
  /** Whether replies have the header `x-sluice-routing`. */
  explain_routing: z.optional(z.boolean()),
};

/** The same fields, of which those that were undefined are missing. */
type GivenOf<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

type WireRates = z.output<z.ZodMiniObject<typeof rateFields>>;
type WireTerms = z.output<z.ZodMiniObject<typeof keyTermsFields>>;

export function toKeyTerms(wire: WireTerms): KeyTerms {
  const limits = { ...toRateLimits(wire), ...given({ tokensPerMonth: wire.tokens_per_month }) };
  const modelLimits = Object.entries(wire.model_limits ?? {}).map(
    ([model, own]) => [model, toRateLimits(own)] as const,
  );
  return {
    ...(Object.keys(limits).length > 0 && { limits }),
    ...(wire.model_limits !== undefined && { modelLimits: Object.fromEntries(modelLimits) }),
    ...given({
      serviceTiers: wire.service_tiers,
      scopes: wire.scopes,
      models: wire.models,
      deniedModels: wire.denied_models,
      ipAllowlist: wire.allowlist,
      ipDenylist: wire.denylist,
      origins: wire.origins,
      jurisdictions: wire.jurisdictions,
      explainsRouting: wire.explain_routing,
    }),
  };
}

function toRateLimits({ rpm, tpm, rpd, concurrency }: WireRates): RateLimits {
  return given({
    requestsPerMinute: rpm,
    tokensPerMinute: tpm,
    requestsPerDay: rpd,
    concurrentRequests: concurrency,
  });
}

/** Without what is undefined, which the platform would otherwise store as a value. */
function given<Fields extends Record<string, unknown>>(fields: Fields): GivenOf<Fields> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as GivenOf<Fields>;
}
