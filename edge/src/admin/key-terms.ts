// A key's limits and tiers as the admin API words them.
import * as z from "zod/mini";
import type { KeyTerms } from "#edge/auth/key-record.ts";
import { ordinaryScopes, scopeSchema } from "#edge/auth/scope.ts";
import { ordinaryTiers, serviceTierSchema } from "#edge/auth/service-tier.ts";
import { applyChange, type TermsChange } from "#edge/auth/terms-change.ts";
import { parseCidr } from "#edge/ip/cidr.ts";
import { limitsSchema, type RateLimits, rateLimitsSchema } from "#edge/rate-limit/limits.ts";

const { requestsPerMinute, tokensPerMinute, requestsPerDay, concurrentRequests } = rateLimitsSchema.shape;

/** `concurrency` counts requests under way at the same time. */
const rateFields = {
  rpm: requestsPerMinute,
  tpm: tokensPerMinute,
  rpd: requestsPerDay,
  concurrency: concurrentRequests,
};

const maxModelsWithLimits = 100;

const maxPatterns = 200;
const maxOrigins = 100;
const maxNetworks = 10_000;

const patterns = z.array(z.string().check(z.minLength(1), z.maxLength(256))).check(z.maxLength(maxPatterns));

/** Networks or addresses in CIDR notation, IPv4 or IPv6. */
const networks = z
  .array(
    z.string().check(
      z.maxLength(64),
      z.refine((text) => parseCidr(text) !== undefined, {
        error: "expected a network or an address such as 203.0.113.0/24 or 2001:db8::1",
      }),
    ),
  )
  .check(z.maxLength(maxNetworks));

/** `https://app.example.com`, as browsers send it. */
function isOrigin(text: string): boolean {
  return URL.canParse(text) && new URL(text).origin === text;
}

const modelLimits = z.record(z.string().check(z.maxLength(256)), z.strictObject(rateFields)).check(
  z.refine((limits) => Object.keys(limits).length <= maxModelsWithLimits, {
    error: `expected limits of at most ${maxModelsWithLimits} models`,
  }),
);

/** Fields of a creation or change. One that is absent stays as it is; `null` lifts it. */
export const keyTermsFields = {
  rpm: z.nullable(requestsPerMinute),
  tpm: z.nullable(tokensPerMinute),
  rpd: z.nullable(requestsPerDay),
  concurrency: z.nullable(concurrentRequests),
  tokens_per_month: z.nullable(limitsSchema.shape.tokensPerMonth),
  /** model -> limits that hold for it beside the key's own. All are given together. */
  model_limits: z.nullish(modelLimits),
  service_tiers: z.nullish(z.array(serviceTierSchema).check(z.maxLength(3))),
  scopes: z.nullish(z.array(scopeSchema).check(z.maxLength(3))),
  /** Patterns, in which `*` stands for any text. */
  models: z.nullish(patterns),
  denied_models: z.nullish(patterns),
  allowlist: z.nullish(networks),
  denylist: z.nullish(networks),
  /** From whose pages browsers may use the key. */
  origins: z.nullish(
    z
      .array(z.string().check(z.refine(isOrigin, { error: "expected an origin such as https://app.example.com" })))
      .check(z.maxLength(maxOrigins)),
  ),
  jurisdictions: z.nullish(z.array(z.string().check(z.maxLength(64))).check(z.maxLength(64))),
  /** Whether replies have the header `x-sluice-routing`. */
  explain_routing: z.nullish(z.boolean()),
};

/** The same fields, of which those that were undefined are missing. */
type GivenOf<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

type WireRates = z.output<z.ZodMiniObject<typeof rateFields>>;
type WireTerms = z.output<z.ZodMiniObject<typeof keyTermsFields>>;

export function toKeyTerms(wire: WireTerms): KeyTerms {
  return applyChange({}, toTermsChange(wire));
}

export function toTermsChange(wire: WireTerms): TermsChange {
  return given({
    limits: given({
      requestsPerMinute: wire.rpm,
      tokensPerMinute: wire.tpm,
      requestsPerDay: wire.rpd,
      concurrentRequests: wire.concurrency,
      tokensPerMonth: wire.tokens_per_month,
    }),
    modelLimits: wire.model_limits && mapValues(wire.model_limits, toRateLimits),
    serviceTiers: wire.service_tiers,
    scopes: wire.scopes,
    models: wire.models,
    deniedModels: wire.denied_models,
    ipAllowlist: wire.allowlist,
    ipDenylist: wire.denylist,
    origins: wire.origins,
    jurisdictions: wire.jurisdictions,
    explainsRouting: wire.explain_routing,
  });
}

/** All terms of a key, as they hold: `null` where there is no limit. */
export function termsToWire(terms: KeyTerms) {
  const { limits = {} } = terms;
  return {
    ...ratesToWire(limits),
    tokens_per_month: limits.tokensPerMonth ?? null,
    model_limits: mapValues(terms.modelLimits ?? {}, ratesToWire),
    service_tiers: terms.serviceTiers ?? ordinaryTiers,
    scopes: terms.scopes ?? ordinaryScopes,
    models: terms.models ?? null,
    denied_models: terms.deniedModels ?? null,
    allowlist: terms.ipAllowlist ?? null,
    denylist: terms.ipDenylist ?? null,
    origins: terms.origins ?? null,
    jurisdictions: terms.jurisdictions ?? null,
    explain_routing: terms.explainsRouting ?? false,
  };
}

/** Of the terms as they are worded outside, those in which the two differ. */
export function changedFields(before: KeyTerms, after: KeyTerms) {
  const [old, current] = [Object.entries(termsToWire(before)), new Map(Object.entries(termsToWire(after)))];
  const changed = old.filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(current.get(name)));
  return {
    before: Object.fromEntries(changed),
    after: Object.fromEntries(changed.map(([name]) => [name, current.get(name)])),
  };
}

function ratesToWire({ requestsPerMinute, tokensPerMinute, requestsPerDay, concurrentRequests }: RateLimits) {
  return {
    rpm: requestsPerMinute ?? null,
    tpm: tokensPerMinute ?? null,
    rpd: requestsPerDay ?? null,
    concurrency: concurrentRequests ?? null,
  };
}

export function mapValues<From, To>(
  table: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, map(value)]));
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
