// What one key may still use: a meter for each limit, for all models together and for each model that has limits of its
// own, and the leases of what is under way. No clock, no storage: the gate brings both.
//
// Invariants:
// 1. A request is charged to all its meters or to none.
// 2. Tokens granted never exceed what the token meters held; a settlement gives back the difference, once.
// 3. Whatever was granted is covered by what the last `toStored` returned, or `isCovered` is false.
import * as z from "zod/mini";
import { BudgetMeter } from "./budget-meter.ts";
import type { TokenDemand } from "./estimate-demand.ts";
import { type Lease, Leases, storedLeasesSchema } from "./leases.ts";
import { type LimitReport, readTightest } from "./limit-report.ts";
import { type LimitName, type Limits, type RateLimits, rateNames } from "./limits.ts";
import { type Meter, storedMeterSchema } from "./meter.ts";
import { RateMeter } from "./rate-meter.ts";

/** Keeps a gate's memory, and what it stores, bounded whatever its limits allow. */
const maxUnderWay = 10_000;

export interface QuotaLimits {
  readonly limits: Limits;
  /** model -> limits that hold for it beside the common ones. */
  readonly modelLimits: Readonly<Record<string, RateLimits>>;
}

export interface QuotaBounds {
  /** Deadline of a reservation: longer than any request lives. */
  readonly leaseMs: number;
  /** Reserved for the output of a request that does not say how much it wants. */
  readonly defaultOutputTokens: number;
}

export interface Ask extends TokenDemand {
  readonly requestId: string;
  readonly model: string;
  /** Whether somebody above counts tokens, even if no limit here does. */
  readonly isCounted?: boolean;
}

/** `tokens` is what was reserved; absent when no limit counts tokens. */
interface Grant {
  readonly kind: "granted";
  readonly tokens: number | undefined;
  /** Whether somebody has to say how it ended. */
  readonly isLeased: boolean;
  readonly report: LimitReport;
}

/** A refusal is told with the time after which the same request gets in at the latest, unless somebody else takes its place. */
export type Refusal = ({ readonly kind: "not_now"; readonly retryAfterMs: number } | { readonly kind: "never" }) &
  Shortage;

export type Verdict = Grant | Refusal;

/** The limit that refused, for the caller to read. */
interface Shortage {
  readonly limitName: LimitName;
  readonly limit: number;
  readonly used: number;
  readonly requested: number;
  readonly report: LimitReport;
}

export const storedQuotaSchema = z.object({
  /** meter key -> meter. */
  meters: z.record(z.string(), storedMeterSchema),
  leases: storedLeasesSchema,
});

export type StoredQuota = Readonly<z.infer<typeof storedQuotaSchema>>;

/** The meters that a request of one model is charged to. */
interface Meters {
  readonly requests: readonly Meter[];
  readonly tokens: readonly Meter[];
}

interface Cost {
  readonly requests: number;
  readonly tokens: number;
}

export class Quota {
  /** meter key -> meter. The key is the limit's name, behind the model's name and a slash for a model's own. */
  readonly #meters = new Map<string, Meter>();
  readonly #leases: Leases;
  readonly #limits: QuotaLimits;
  readonly #defaultOutputTokens: number;

  constructor(
    limits: QuotaLimits,
    stored: StoredQuota | undefined,
    { leaseMs, defaultOutputTokens }: QuotaBounds,
    nowMs: number,
  ) {
    this.#limits = limits;
    this.#defaultOutputTokens = defaultOutputTokens;
    this.#leases = stored === undefined ? new Leases(leaseMs) : Leases.restore(stored.leases, nowMs);
    this.#addRates("", limits.limits, stored);
    for (const [model, own] of Object.entries(limits.modelLimits)) this.#addRates(`${model}/`, own, stored);
    const { tokensPerMonth } = limits.limits;
    if (tokensPerMonth !== undefined) {
      this.#meters.set("tokensPerMonth", new BudgetMeter(tokensPerMonth, stored?.meters["tokensPerMonth"]));
    }
  }

  /** False: everything is granted, and there is nothing to store. */
  get hasLimits(): boolean {
    return this.#meters.size > 0 || this.#placeLimits().some((limit) => limit !== undefined);
  }

  /** Tokens that `reserve` would reserve. */
  tokensOf({ model, promptTokens, outputTokens }: Ask): number {
    return this.#tokensToReserve(this.#metersOf(model), promptTokens, outputTokens);
  }

  reserve({ requestId, model, promptTokens, outputTokens, isCounted = false }: Ask, nowMs: number): Verdict {
    this.#expire(nowMs);
    const meters = this.#metersOf(model);
    const tokens = this.#tokensToReserve(meters, promptTokens, outputTokens);
    const refusal = longer(
      this.#shortage(meters, { requests: 1, tokens }, tokens, nowMs),
      this.#shortageOfPlaces(model, meters, nowMs),
    );
    if (refusal !== undefined) return refusal;
    for (const meter of meters.requests) meter.charge(1, nowMs);
    for (const meter of meters.tokens) meter.reserve(requestId, tokens, nowMs);
    const isLeased = isCounted || this.#needsLease(model, meters);
    if (isLeased) this.#leases.begin(requestId, model, tokens, nowMs);
    const counted = isCounted || meters.tokens.length > 0 ? tokens : undefined;
    return { kind: "granted", tokens: counted, isLeased, report: report(meters, nowMs) };
  }

  /**
   * Raises what was reserved for a request, because its prompt turned out to have more tokens than estimated. Refused like
   * a new request; what was reserved stays so. A request that is not under way any more is not granted anything.
   */
  raise(requestId: string, tokens: number, nowMs: number): Verdict | undefined {
    this.#expire(nowMs);
    const lease = this.#leases.get(requestId);
    if (lease === undefined) return undefined;
    const meters = this.#metersOf(lease.model);
    const extra = Math.max(0, tokens - lease.tokens);
    const refusal = this.#shortage(meters, { requests: 0, tokens: extra }, tokens, nowMs);
    if (refusal !== undefined) return refusal;
    for (const meter of meters.tokens) meter.reserve(requestId, extra, nowMs);
    this.#leases.raise(lease, Math.max(lease.tokens, tokens));
    return { kind: "granted", tokens: Math.max(lease.tokens, tokens), isLeased: true, report: report(meters, nowMs) };
  }

  /**
   * Ends what was reserved. `usedTokens` is the engine's own count; absent when nobody knows it, and then it stays charged as
   * reserved. Returns what was reserved and not used; absent when nothing is under way under this id: settling twice changes
   * nothing.
   */
  settle(requestId: string, usedTokens: number | undefined, nowMs: number): number | undefined {
    this.#expire(nowMs);
    const lease = this.#leases.end(requestId);
    if (lease === undefined) return undefined;
    this.#settle(lease, usedTokens ?? lease.tokens, nowMs);
    return Math.max(0, lease.tokens - (usedTokens ?? lease.tokens));
  }

  report(model: string, nowMs: number): LimitReport {
    return report(this.#metersOf(model), nowMs);
  }

  /** What is reserved for a request. Absent when it is not under way. */
  leaseOf(requestId: string): Lease | undefined {
    return this.#leases.get(requestId);
  }

  /** See Leases.agesMs. */
  agesMs(nowMs: number): readonly number[] {
    return this.#leases.agesMs(nowMs);
  }

  /** Requests that nobody settled in time, each for the first who asks. They stay charged as reserved. */
  takeOrphans(): readonly Lease[] {
    return this.#leases.takeOrphans();
  }

  /** Requests under way, of one model if that is given. */
  numUnderWay(nowMs: number, model?: string): number {
    this.#expire(nowMs);
    return model === undefined ? this.#leases.count : this.#leases.countOf(model);
  }

  /** With `countsPlaces`, somebody above counts what is under way, even if no limit here does. */
  isCovered(nowMs: number, countsPlaces = false): boolean {
    const countsLeases = countsPlaces || this.#placeLimits().some((limit) => limit !== undefined);
    if (countsLeases && !this.#leases.isCovered()) return false;
    return this.#meters.values().every((meter) => meter.isCovered(nowMs));
  }

  /** What to write; see meter.ts for `ahead`. */
  toStored(ahead: boolean, nowMs: number): StoredQuota {
    const entries = [...this.#meters].map(([key, meter]) => [key, meter.toStored(ahead, nowMs)] as const);
    return { meters: Object.fromEntries(entries), leases: this.#leases.toStored(ahead) };
  }

  /** Orphans keep what was reserved for them. */
  #expire(nowMs: number): void {
    for (const lease of this.#leases.expire(nowMs)) this.#settle(lease, lease.tokens, nowMs);
  }

  #settle({ requestId, model, tokens, chargedAtMs }: Lease, usedTokens: number, nowMs: number): void {
    const settlement = { requestId, reserved: tokens, used: usedTokens, reservedAtMs: chargedAtMs };
    for (const meter of this.#metersOf(model).tokens) meter.settle(settlement, nowMs);
  }

  #addRates(prefix: string, limits: RateLimits, stored: StoredQuota | undefined): void {
    for (const name of rateNames) {
      const limit = limits[name];
      if (limit === undefined) continue;
      const key = `${prefix}${name}`;
      this.#meters.set(key, new RateMeter(name, limit, stored?.meters[key]));
    }
  }

  #metersOf(model: string): Meters {
    const named = (name: string) => [this.#meters.get(name), this.#meters.get(`${model}/${name}`)];
    return {
      requests: present([...named("requestsPerMinute"), ...named("requestsPerDay")]),
      tokens: present([...named("tokensPerMinute"), this.#meters.get("tokensPerMonth")]),
    };
  }

  /** A request that does not say how much output it wants gets the default, or what the smallest limit can ever hold. */
  #tokensToReserve({ tokens }: Meters, promptTokens: number, outputTokens: number | undefined): number {
    if (outputTokens !== undefined) return promptTokens + outputTokens;
    const most = Math.min(...tokens.map((meter) => meter.limit));
    return Math.max(promptTokens + 1, Math.min(promptTokens + this.#defaultOutputTokens, most));
  }

  /**
   * The meter that keeps the request waiting longest, or forever; absent when all have room. `wantedTokens` is what the
   * request wants in all, of which `cost` is what it has not yet got.
   */
  #shortage(meters: Meters, cost: Cost, wantedTokens: number, nowMs: number): Refusal | undefined {
    let worst: Refusal | undefined;
    for (const counted of ["requests", "tokens"] as const) {
      const requested = counted === "tokens" ? wantedTokens : cost.requests;
      for (const meter of meters[counted]) {
        const waitMs = requested > meter.limit ? undefined : meter.untilFitsMs(cost[counted], nowMs);
        if (waitMs === 0) continue;
        const used = meter.limit - meter.remaining(nowMs);
        const told = { limitName: meter.name, limit: meter.limit, used, requested, report: report(meters, nowMs) };
        worst = longer(
          worst,
          waitMs === undefined ? { kind: "never", ...told } : { kind: "not_now", retryAfterMs: waitMs, ...told },
        );
      }
    }
    return worst;
  }

  /** When all places are taken nobody knows when one gets free, only by when: that is what is told. */
  #shortageOfPlaces(model: string, meters: Meters, nowMs: number): Refusal | undefined {
    const [ofKey = maxUnderWay, ofModel] = this.#placeLimits(model);
    const told = { limitName: "concurrentRequests", requested: 1, report: report(meters, nowMs) } as const;
    const refuse = (limit: number, used: number, within: string | undefined): Refusal | undefined => {
      if (used < limit) return undefined;
      const retryAfterMs = this.#leases.untilEndedMs(used - limit + 1, within, nowMs);
      return { kind: "not_now", retryAfterMs, limit, used, ...told };
    };
    const crowded = refuse(Math.min(ofKey, maxUnderWay), this.#leases.count, undefined);
    // To count those of one model takes a look at all.
    return ofModel === undefined ? crowded : longer(crowded, refuse(ofModel, this.#leases.countOf(model), model));
  }

  #placeLimits(model?: string): (number | undefined)[] {
    const { limits, modelLimits } = this.#limits;
    const own = model === undefined ? Object.values(modelLimits) : [modelLimits[model]];
    return [limits.concurrentRequests, ...own.map((limit) => limit?.concurrentRequests)];
  }

  /** A request that nothing is given back for, and whose place nobody counts, is over with its admission. */
  #needsLease(model: string, { tokens }: Meters): boolean {
    return tokens.length > 0 || this.#placeLimits(model).some((limit) => limit !== undefined);
  }
}

function present(meters: readonly (Meter | undefined)[]): Meter[] {
  return meters.filter((meter) => meter !== undefined);
}

/** The refusal that lasts longer. */
function longer(one: Refusal | undefined, other: Refusal | undefined): Refusal | undefined {
  const waitOf = (refusal: Refusal) => (refusal.kind === "never" ? Number.POSITIVE_INFINITY : refusal.retryAfterMs);
  if (one === undefined || other === undefined) return one ?? other;
  return waitOf(other) > waitOf(one) ? other : one;
}

function report({ requests, tokens }: Meters, nowMs: number): LimitReport {
  const [ofRequests, ofTokens] = [readTightest(requests, nowMs), readTightest(tokens, nowMs)];
  return { ...(ofRequests && { requests: ofRequests }), ...(ofTokens && { tokens: ofTokens }) };
}
