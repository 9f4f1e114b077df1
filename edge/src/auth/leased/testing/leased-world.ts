// A leased key in virtual time: its home and the gates on several continents, with messages that take their time or get lost,
// gates and homes that crash, and changes of the key. What they decide with is real; here are only time and messages. Some requests
// are of a model that has limits of its own, beside the key's.
import type { KeyRecord } from "#edge/auth/key-record.ts";
import { Ceiling, type StoredCeiling, type Units } from "#edge/rate-limit/ceiling.ts";
import type { Limits, RateLimits } from "#edge/rate-limit/limits.ts";
import { Slices } from "#edge/rate-limit/slices.ts";
import { type DelayMs, startMs, VirtualTime } from "#edge/rate-limit/testing/virtual-time.ts";
import { Borrowed, Loans, type StoredLoans } from "#edge/auth/leased/loan.ts";

const answerTimeoutMs = 2_000;

/** What a continent holds of one ceiling. */
interface Share {
  readonly slices: Slices;
  /** When it asks again, should no answer come. */
  askAgainAtMs: number;
}

interface Continent {
  borrowed: Borrowed;
  ofKey: Share;
  ofModel: Share;
  /** Messages to one that crashed meanwhile are lost. */
  life: number;
}

/** There and back. */
type Delays = readonly [out: DelayMs, back: DelayMs];

interface TimedRequest {
  readonly tokens: number;
  readonly ofKey: Delays;
  /** Absent: it is of a model without limits. */
  readonly ofModel?: Delays;
}

export class World extends VirtualTime {
  readonly admitted: {
    readonly atMs: number;
    readonly tokens: number;
    readonly revision: number;
    readonly isOfModel: boolean;
  }[] = [];
  readonly continents: Continent[];
  /** What was revised, and when everyone was known to have heard of it. */
  readonly revisions: { readonly revision: number; completeAtMs: number }[] = [];
  record: KeyRecord;
  #storedLoans: StoredLoans | undefined;
  readonly #storedCeilings: Partial<Record<"ofKey" | "ofModel", StoredCeiling>> = {};
  #loans: Loans;
  #ceilings: Readonly<Record<"ofKey" | "ofModel", Ceiling>>;
  #numAsked = 0;

  constructor(limits: Limits, numContinents: number, ofModel: RateLimits = {}) {
    super();
    this.record = {
      keyId: "leased-key",
      orgId: "org",
      projectId: "project",
      status: "active",
      createdAtMs: 0,
      limits,
      modelLimits: { limited: ofModel },
    };
    this.#loans = new Loans(undefined, startMs);
    this.#ceilings = this.#wakeCeilings();
    this.continents = Array.from({ length: numContinents }, () => newborn(0));
  }

  /** A request on a continent: admitted, or lost while its gate asks for what it lacks. */
  ask(index: number, { tokens, ofKey, ofModel }: TimedRequest): void {
    const continent = this.#continent(index);
    const { borrowed } = continent;
    const cost: Units = { requests: 1, tokens };
    const isOfModel = ofModel !== undefined;
    const shares = isOfModel ? [continent.ofKey, continent.ofModel] : [continent.ofKey];
    const isActive = borrowed.record(this.nowMs)?.status === "active";
    if (isActive && shares.every(({ slices }) => slices.has(cost, this.nowMs))) {
      const requestId = String(++this.#numAsked);
      for (const { slices } of shares) slices.take(requestId, cost, this.nowMs);
      this.admitted.push({ atMs: this.nowMs, tokens, revision: borrowed.revision ?? -1, isOfModel });
    }
    this.#askHome(index, "ofKey", cost, ofKey);
    if (isOfModel) this.#askHome(index, "ofModel", cost, ofModel);
  }

  #askHome(index: number, ceiling: "ofKey" | "ofModel", cost: Units, [outDelay, backDelay]: Delays): void {
    const continent = this.#continent(index);
    const { borrowed, life, [ceiling]: share } = continent;
    const { slices } = share;
    if (this.nowMs < share.askAgainAtMs) return;
    const needsLoan = borrowed.record(this.nowMs) === undefined || borrowed.isDue(this.nowMs);
    const needsSlice = !slices.has(cost, this.nowMs) || slices.isLow(this.nowMs);
    if (!needsLoan && !needsSlice) return;
    const askedAtMs = this.nowMs;
    const order = needsSlice ? slices.order(String(index), cost, cost, askedAtMs) : undefined;
    share.askAgainAtMs = this.nowMs + answerTimeoutMs;
    this.after(outDelay, () => {
      const { revision } = this.#loans;
      if (this.#loans.lend(String(index), this.nowMs)) this.#storedLoans = this.#loans.toStored();
      const loan = { revision, record: borrowed.revision === revision ? undefined : this.record };
      const { [ceiling]: asked } = this.#ceilings;
      const answer = order && asked.lease(order, this.nowMs);
      if (!asked.isCovered(this.nowMs)) this.#storedCeilings[ceiling] = asked.toStored(true, this.nowMs);
      this.after(backDelay, () => {
        if (continent.life !== life) return;
        share.askAgainAtMs = this.nowMs;
        borrowed.renew(loan, askedAtMs);
        if (order !== undefined && answer !== undefined) slices.accept(order, answer, askedAtMs, this.nowMs);
      });
    });
  }

  /** The home gives the key another record, and tells everyone who may still decide by an older one. */
  revise(change: Partial<KeyRecord>, delays: readonly DelayMs[]): void {
    this.record = { ...this.record, ...change };
    this.#loans.revise();
    this.#storedLoans = this.#loans.toStored();
    const { revision } = this.#loans;
    const loan = { revision, record: this.record };
    const entry = { revision, completeAtMs: this.nowMs };
    this.revisions.push(entry);
    for (const [borrower, untilMs] of this.#loans.outstanding(this.nowMs)) {
      const continent = this.#continent(Number(borrower));
      const delay = delays[Number(borrower)];
      const heardAtMs = delay === undefined ? Infinity : this.nowMs + delay;
      this.after(delay, () => continent.borrowed.recall(loan));
      entry.completeAtMs = Math.max(entry.completeAtMs, Math.min(heardAtMs, untilMs));
    }
  }

  crashHome(): void {
    this.#loans = new Loans(this.#storedLoans, this.nowMs);
    this.#ceilings = this.#wakeCeilings();
  }

  crashContinent(index: number): void {
    const { life } = this.#continent(index);
    Object.assign(this.#continent(index), newborn(life + 1));
  }

  #wakeCeilings() {
    const { limits = {}, modelLimits = {} } = this.record;
    const stored = this.#storedCeilings;
    return {
      ofKey: new Ceiling(limits, stored.ofKey),
      ofModel: new Ceiling(modelLimits["limited"] ?? {}, stored.ofModel),
    };
  }

  #continent(index: number): Continent {
    const continent = this.continents[index];
    if (continent === undefined) throw new RangeError("no such continent");
    return continent;
  }
}

function newborn(life: number): Continent {
  return { borrowed: new Borrowed(), ofKey: emptyShare(), ofModel: emptyShare(), life };
}

function emptyShare(): Share {
  return { slices: new Slices(false, startMs), askAgainAtMs: startMs };
}
