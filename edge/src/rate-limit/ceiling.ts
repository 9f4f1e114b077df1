// A limit above many keys: of a project, or an organization. Its ledger does not see requests: it hands slices of itself to
// the gates in advance, so that a gate decides by itself. What is handed out is charged first, so nothing is ever
// granted twice; what comes back unused is given back.
//
// A slice lives for `sliceLifeMs`. All slices of a life could be spent in one instant, so the burst is smaller than the limit
// by what refills in that time: in no stretch of time is more spent than the limit and what refills in it.
import * as z from "zod/mini";
import { BudgetMeter } from "./budget-meter.ts";
import { type Limits, type MeterName, type RateName, rateNames, rateWindowsMs } from "./limits.ts";
import { type Meter, storedMeterSchema } from "./meter.ts";
import type { PlaceGrant, PlaceOrder, PlaceRegister } from "./place-register.ts";
import type { Refusal } from "./quota.ts";
import { RateMeter } from "./rate-meter.ts";
import { sliceLifeMs } from "./slice-life.ts";

/**
 * Share of a limit that a slice holds, when its gate did not ask for more: the most that one gate keeps from the others, and
 * loses when it crashes. The slower a limit heals, the less.
 */
const sliceShares: Readonly<Record<MeterName, number>> = {
  requestsPerMinute: 1 / 16,
  tokensPerMinute: 1 / 16,
  requestsPerDay: 1 / 96,
  tokensPerMonth: 1 / 1_000,
};

export interface Units {
  readonly requests: number;
  readonly tokens: number;
}

/** What is not limited has no end; a number that travels and adds up is as good. */
export const endless = Number.MAX_SAFE_INTEGER;

const nothing: Units = { requests: 0, tokens: 0 };

/** What became of a slice. */
export interface SliceReport {
  readonly sliceId: string;
  readonly granted: Units;
  readonly used: Units;
  readonly grantedAtMs: number;
}

export interface SliceOrder {
  readonly sliceId: string;
  /** Who asks. */
  readonly gate: string;
  /** The least that is of use; absent: nothing is wanted, this only reports. */
  readonly least: Units | undefined;
  /** What those who wait want together. */
  readonly wanted: Units;
  readonly reports: readonly SliceReport[];
  /** Absent: none. */
  readonly unused: UnusedTokens | undefined;
  readonly places: PlaceOrder;
}

/** Of requests that were reported as used in full before they ended, and were not. */
export interface UnusedTokens {
  readonly tokens: number;
  /** Of the slices that they were taken from the last, all of one month. */
  readonly grantedAtMs: number;
}

export type SliceAnswer =
  | { readonly kind: "unlimited" }
  /** Without `places` there is no limit on them. `models` have ledgers of their own, below this one. */
  | {
      readonly kind: "granted";
      readonly units: Units;
      readonly places?: PlaceGrant;
      readonly models?: readonly string[];
    }
  /** What the gate says of its places does not count, and nothing was granted: it is to say it again in this session. */
  | { readonly kind: "outdated"; readonly session: string }
  | { readonly kind: "refused"; readonly refusal: Refusal };

export const storedCeilingSchema = z.record(z.string(), storedMeterSchema);

export type StoredCeiling = Readonly<z.infer<typeof storedCeilingSchema>>;

export class Ceiling {
  readonly #requests: readonly Meter[];
  readonly #tokens: readonly Meter[];
  /** Absent: no limit on concurrent requests. */
  readonly #places: PlaceRegister | undefined;

  constructor(limits: Limits, stored: StoredCeiling | undefined, places?: PlaceRegister) {
    const meters: Meter[] = rateNames.flatMap((name) => {
      const limit = limits[name];
      if (limit === undefined) return [];
      return [new RateMeter(name, limit, stored?.[name], burstOf(name, limit))];
    });
    const { tokensPerMonth } = limits;
    if (tokensPerMonth !== undefined) meters.push(new BudgetMeter(tokensPerMonth, stored?.["tokensPerMonth"]));
    this.#requests = meters.filter(({ name }) => name.startsWith("requests"));
    this.#tokens = meters.filter(({ name }) => name.startsWith("tokens"));
    this.#places = places;
  }

  /** Takes what is reported back, and hands out a slice if one is wanted. */
  lease(order: SliceOrder, nowMs: number): SliceAnswer {
    const { gate, least, wanted } = order;
    if (this.#requests.length + this.#tokens.length === 0 && this.#places === undefined) return { kind: "unlimited" };
    for (const report of order.reports) this.#settle(report, nowMs);
    this.#giveBack(order.unused, nowMs);
    if (this.#places?.claim(gate, order.places.claim, nowMs) === false) {
      return { kind: "outdated", session: this.#places.beginSession(gate, nowMs) };
    }
    const refusal =
      least && (shortage(this.#requests, least.requests, nowMs) ?? shortage(this.#tokens, least.tokens, nowMs));
    if (refusal !== undefined) return { kind: "refused", refusal };
    const places = this.#places?.grant(gate, order.places, nowMs);
    if (this.#places !== undefined && places === undefined) return refuseFullness(this.#places, nowMs);
    const units = least === undefined ? nothing : this.#portion(order.sliceId, least, wanted, nowMs);
    return { kind: "granted", units, ...(places && { places }) };
  }

  isCovered(nowMs: number): boolean {
    return [...this.#requests, ...this.#tokens].every((meter) => meter.isCovered(nowMs));
  }

  /** What to write; see meter.ts for `ahead`. */
  toStored(ahead: boolean, nowMs: number): StoredCeiling {
    const meters = [...this.#requests, ...this.#tokens];
    return Object.fromEntries(meters.map((meter) => [meter.name, meter.toStored(ahead, nowMs)]));
  }

  #portion(sliceId: string, least: Units, wanted: Units, nowMs: number): Units {
    const units = {
      requests: portion(this.#requests, least.requests, wanted.requests, nowMs),
      tokens: portion(this.#tokens, least.tokens, wanted.tokens, nowMs),
    };
    for (const meter of this.#requests) meter.reserve(sliceId, units.requests, nowMs);
    for (const meter of this.#tokens) meter.reserve(sliceId, units.tokens, nowMs);
    return units;
  }

  #settle({ sliceId, granted, used, grantedAtMs }: SliceReport, nowMs: number): void {
    for (const [meters, counted] of [[this.#requests, "requests"] as const, [this.#tokens, "tokens"] as const]) {
      const settlement = {
        requestId: sliceId,
        reserved: granted[counted],
        used: used[counted],
        reservedAtMs: grantedAtMs,
      };
      for (const meter of meters) meter.settle(settlement, nowMs);
    }
  }

  /** Only a budget takes them, of their month: a rate has refilled since. */
  #giveBack(unused: UnusedTokens | undefined, nowMs: number): void {
    if (unused === undefined) return;
    const { tokens: reserved, grantedAtMs: reservedAtMs } = unused;
    for (const meter of this.#tokens) meter.settle({ requestId: "", reserved, used: 0, reservedAtMs }, nowMs);
  }
}

/** Most tokens that one request can ever get under these limits; Infinity without any that counts tokens. */
export function mostTokensUnder({ tokensPerMinute, tokensPerMonth }: Limits): number {
  const perMinute = tokensPerMinute === undefined ? Infinity : burstOf("tokensPerMinute", tokensPerMinute);
  return Math.min(perMinute, tokensPerMonth ?? Infinity);
}

/** What a full bucket holds. */
function burstOf(name: RateName, limit: number): number {
  return Math.max(1, limit - Math.ceil((limit * sliceLifeMs) / rateWindowsMs[name]));
}

/** The meter that keeps `cost` waiting longest; absent when all have room. */
function shortage(meters: readonly Meter[], cost: number, nowMs: number): Refusal | undefined {
  let worst: { readonly meter: Meter; readonly waitMs: number } | undefined;
  for (const meter of meters) {
    const waitMs = meter.untilFitsMs(cost, nowMs) ?? Number.POSITIVE_INFINITY;
    if (waitMs > (worst?.waitMs ?? 0)) worst = { meter, waitMs };
  }
  if (worst === undefined) return undefined;
  const { meter, waitMs } = worst;
  const used = meter.limit - meter.remaining(nowMs);
  const told = { limitName: meter.name, limit: meter.limit, used, requested: cost, report: {} };
  return waitMs === Number.POSITIVE_INFINITY
    ? { kind: "never", ...told }
    : { kind: "not_now", retryAfterMs: waitMs, ...told };
}

/** All places are in use: nobody knows when one gets free, only by when. */
function refuseFullness(places: PlaceRegister, nowMs: number): SliceAnswer {
  const { limit, leaseMs: retryAfterMs } = places;
  const told = {
    limitName: "concurrentRequests",
    limit,
    used: places.numHeld(nowMs),
    requested: 1,
    report: {},
  } as const;
  return { kind: "refused", refusal: { kind: "not_now", retryAfterMs, ...told } };
}

/** At least `least`, at most what is there; as much as is wanted, or a slice's share. */
function portion(meters: readonly Meter[], least: number, wanted: number, nowMs: number): number {
  const share = Math.min(...meters.map(({ name, limit }) => Math.floor(limit * sliceShares[name])));
  const there = Math.min(...meters.map((meter) => meter.remaining(nowMs)));
  if (meters.length === 0) return endless;
  return Math.max(least, Math.min(there, Math.max(wanted, share)));
}
