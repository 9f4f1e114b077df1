// Where the requests of one key are let in: who may enter, by its record, and how much, by its quota and the ceilings above.
// Both kinds of gates have one.
import { HoldTimes } from "#edge/rate-limit/hold-times.ts";
import { IdleTimer } from "#edge/idle-timer.ts";
import type { Units } from "#edge/rate-limit/ceiling.ts";
import type { PlaceClaim } from "#edge/rate-limit/place-register.ts";
import type { QuotaBook } from "#edge/rate-limit/quota-book.ts";
import type { Refusal } from "#edge/rate-limit/quota.ts";
import type { Admission, GateQuestion, Raise } from "./admission.ts";
import { decideAdmission, endingOf, type KnownKey, principalOf, routingOf } from "./decide-admission.ts";
import type { GateSettlement } from "./gate-address.ts";
import type { GateCeilings } from "./gate-ceilings.ts";
import type { KeyRecord } from "./key-record.ts";
import type { OrphanWatch } from "./orphan-watch.ts";

/**
 * After so long without a request, what was written ahead is taken back and slices are reported: the platform may evict an
 * idle object from 10 s on.
 */
const idleAfterMs = 5_000;

/** The key as it is now. Absent: there is none. "outdated": nobody vouches for it any more, and the gate must ask anew. */
export type LookUp = (nowMs: number) => KnownKey | undefined | "outdated";

export interface TurnstileParts {
  readonly book: QuotaBook;
  readonly ceilings: GateCeilings;
  /** Is told whenever ledgers have answered. */
  readonly onAnswer: () => void;
  /** Is told after what may have changed who is under way. */
  readonly orphans: Pick<OrphanWatch, "note">;
  readonly waitUntil: (work: Promise<void>) => void;
}

export class Turnstile {
  readonly #parts: TurnstileParts;
  readonly #holdTimes = new HoldTimes();
  readonly #idleTimer: IdleTimer;

  constructor(parts: TurnstileParts) {
    this.#parts = parts;
    const { book, ceilings } = parts;
    this.#idleTimer = new IdleTimer(idleAfterMs, () => {
      book.storeExactly();
      this.#behindRequests(ceilings.report());
    });
  }

  async admit(question: GateQuestion, lookUp: LookUp): Promise<Admission | "outdated"> {
    const decidedAtMs = Date.now();
    const known = lookUp(decidedAtMs);
    if (known === "outdated") return known;
    const decision = decideAdmission(known, question, decidedAtMs);
    if (decision.kind === "refused") return decision;
    const { requestId, model, demand } = question;
    if (demand === undefined || model === undefined) {
      return { ...toldOf(decision.record), reservedTokens: undefined, isLeased: false, report: {} };
    }
    const { book, ceilings } = this.#parts;
    const ask = { requestId, model, ...demand };
    const cost = { requests: 1, tokens: book.quota.tokensOf(ask) };
    let { record } = decision;
    const verdict = await this.#decideUnder(model, cost, (nowMs) => {
      // Who waited for a ledger may have been revoked meanwhile.
      const current = lookUp(nowMs);
      if (current === "outdated") return { kind: current };
      const hasWaited = nowMs !== decidedAtMs || current !== known;
      const again = hasWaited ? decideAdmission(current, question, nowMs) : decision;
      if (again.kind === "refused") return again;
      record = again.record;
      const decided = book.quota.reserve({ ...ask, isCounted: ceilings.hasLimits }, nowMs);
      if (decided.kind === "granted") ceilings.take(model, requestId, cost, nowMs);
      return decided;
    });
    if (verdict.kind === "outdated") return verdict.kind;
    if (verdict.kind === "refused") return verdict;
    if (verdict.kind !== "granted") {
      const refusal = { ...this.#timed(verdict), report: book.quota.report(model, Date.now()) };
      return { kind: "limited", principal: principalOf(record), refusal };
    }
    const { tokens: reservedTokens, isLeased, report } = verdict;
    return { ...toldOf(record), reservedTokens, isLeased, report };
  }

  /** See Quota.raise. A key that ended since is refused. Absent when the request is not under way. */
  async raise(requestId: string, tokens: number, lookUp: LookUp): Promise<Raise | "outdated" | undefined> {
    const { book, ceilings } = this.#parts;
    const lease = book.quota.leaseOf(requestId);
    if (lease === undefined) return undefined;
    const { model } = lease;
    const cost = { requests: 0, tokens: Math.max(0, tokens - lease.tokens) };
    return this.#decideUnder(model, cost, (nowMs) => {
      const known = lookUp(nowMs);
      if (known === "outdated") return known;
      const ended = known === undefined ? "unknown_key" : endingOf(known.record, nowMs);
      if (ended !== undefined) return { kind: "refused", reason: ended } as const;
      const decided = book.quota.raise(requestId, tokens, nowMs);
      if (decided?.kind === "granted") ceilings.take(model, requestId, cost, nowMs);
      return decided;
    });
  }

  /** Ends requests' reservations, and tells of each whether it was under way; see Quota.settle. */
  settle(settlements: readonly GateSettlement[]): readonly boolean[] {
    const nowMs = Date.now();
    const { book, ceilings } = this.#parts;
    const wereUnderWay = settlements.map(({ requestId, usedTokens }) => {
      const lease = book.quota.leaseOf(requestId);
      if (lease !== undefined) this.#holdTimes.note(nowMs - lease.chargedAtMs);
      const unusedTokens = book.quota.settle(requestId, usedTokens, nowMs);
      if (unusedTokens !== undefined) ceilings.giveBack(requestId, unusedTokens);
      return unusedTokens !== undefined;
    });
    this.#cover(nowMs);
    if (ceilings.owesPlaces(nowMs)) this.#behindRequests(ceilings.report());
    return wereUnderWay;
  }

  /** See Places.recall. */
  recallPlaces(ledgerName: string, session: string): PlaceClaim {
    return this.#parts.ceilings.recallPlaces(ledgerName, session);
  }

  /** When a place is free is known by the latest; told is when it is likely. */
  #timed(refusal: Refusal): Refusal {
    if (refusal.kind !== "not_now" || refusal.limitName !== "concurrentRequests") return refusal;
    const nowMs = Date.now();
    const held = { count: Math.max(1, refusal.used), agesMs: this.#parts.book.quota.agesMs(nowMs) };
    const likelyMs = this.#holdTimes.untilFreeMs(held, nowMs);
    return { ...refusal, retryAfterMs: Math.min(refusal.retryAfterMs, likelyMs) };
  }

  /** See GateCeilings.decideUnder. */
  async #decideUnder<Decision>(
    model: string,
    cost: Units,
    decide: (nowMs: number) => Decision,
  ): Promise<Decision | Refusal> {
    const decideAndCover = (nowMs: number): Decision => {
      const decision = decide(nowMs);
      this.#cover(nowMs);
      return decision;
    };
    const { ceilings, onAnswer } = this.#parts;
    const verdict = await ceilings.decideUnder(model, cost, decideAndCover, onAnswer);
    if (ceilings.needsCheck()) this.#behindRequests(ceilings.followUp(cost));
    return verdict;
  }

  /** A ledger that cannot be reached now is asked, or told, later. */
  #behindRequests(asking: Promise<void>): void {
    const { onAnswer, waitUntil } = this.#parts;
    waitUntil(asking.then(onAnswer, () => undefined));
  }

  /** Sees to it that what is stored covers what was admitted, before the caller hears of it. */
  #cover(nowMs: number): void {
    const { book, ceilings, orphans } = this.#parts;
    book.cover(nowMs, ceilings.limitPlaces);
    if (!book.quota.hasLimits && !ceilings.hasLimits) return;
    orphans.note(book.quota, nowMs);
    this.#idleTimer.note(nowMs);
  }
}

function toldOf(record: KeyRecord) {
  const { expiresAtMs } = record;
  return { kind: "admitted", principal: principalOf(record), expiresAtMs, routing: routingOf(record) } as const;
}
