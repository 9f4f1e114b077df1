// A ceiling on concurrent requests, as its ledger keeps it. Its places are lent to gates: a gate begins a request on a place that
// it holds, keeps the place for the next one when the request has ended, and gives it back when it has been idle or another
// gate is short. So the ledger never hears of requests, and admission stays one hop.
//
// Invariants:
// 1. The sum of what gates hold by this register is at least what they hold by their own count, whatever crashes or gets lost:
//    a place is noted before it is lent, and free again only when its gate said so.
// 2. A gate speaks for itself in sessions. What it says counts only in its latest session, and only when nothing newer was heard;
//    so what is late, or comes from a gate that lost its memory, changes nothing.
// 3. Of a gate that is never heard of again, places are free when the last request that it could have begun has ended.
import { sliceLifeMs } from "./slice-life.ts";

/** A slice's share of a limit, as of requests in a minute: places that a busy gate gets beyond those that it has use for. */
const spareShare = 1 / 16;

/** For so long after somebody was short, gates keep no places that they have no use for. */
export const contentionMs = 5_000;

/** Gates asked at once to give back what they have no use for. */
const maxRecalled = 256;

/** What a gate says of its places. */
export interface PlaceClaim {
  readonly session: string;
  /** Grows with each claim. */
  readonly sequence: number;
  /** Places the gate holds from now on, before it gets others. */
  readonly held: number;
  /** Of these, those on which a request is under way. */
  readonly used: number;
}

export interface PlaceOrder {
  /** Absent: the gate has no session yet. */
  readonly claim: PlaceClaim | undefined;
  /** Beyond those in use: so many are of use, fewer are not. */
  readonly least: number;
  /** 0: no more than the gate has. */
  readonly wanted: number;
}

/** What a gate is told. */
export interface PlaceGrant {
  /** In all, from now on; less than it claimed where all together claim more than there is. */
  readonly held: number;
  /** Somebody was short a moment ago. */
  readonly isContended: boolean;
}

/** A question to a gate: what it has no use for comes back with the claim that it answers. */
export interface PlaceRecall {
  readonly gate: string;
  readonly session: string;
}

export interface PlaceRegisterParts {
  readonly limit: number;
  /** Longest life of a request. */
  readonly leaseMs: number;
  /** A name that was never given before. */
  readonly newSession: () => string;
}

interface Holder {
  held: number;
  /** Until then at most a request may be under way on one of its places. */
  untilMs: number;
  session: string | undefined;
  sequence: number;
  /** Until then it gives back by itself what it has no use for. */
  recalledUntilMs: number;
}

export class PlaceRegister {
  readonly #parts: PlaceRegisterParts;
  /** gate -> what it holds. */
  readonly #holders = new Map<string, Holder>();
  /** gate -> places that storage knows of. */
  readonly #stored: Map<string, number>;
  #contendedUntilMs = Number.NEGATIVE_INFINITY;

  /** @param stored gate -> places, as last written. */
  constructor(parts: PlaceRegisterParts, stored: ReadonlyMap<string, number>, nowMs: number) {
    this.#parts = parts;
    this.#stored = new Map(stored);
    for (const [gate, held] of stored) this.#enter(gate, held, nowMs);
  }

  get limit(): number {
    return this.#parts.limit;
  }

  get leaseMs(): number {
    return this.#parts.leaseMs;
  }

  numHeld(nowMs: number): number {
    let sum = 0;
    for (const [gate, { held, untilMs }] of this.#holders) {
      if (untilMs <= nowMs) this.#holders.delete(gate);
      else sum += held;
    }
    return sum;
  }

  /** Takes note of a claim, if it counts. */
  claim(gate: string, claim: PlaceClaim | undefined, nowMs: number): boolean {
    const holder = this.#holders.get(gate);
    if (holder === undefined || claim === undefined) return false;
    if (claim.session !== holder.session || claim.sequence < holder.sequence) return false;
    holder.sequence = claim.sequence;
    holder.held = claim.held;
    holder.untilMs = this.#latestEndMs(nowMs);
    return true;
  }

  /**
   * A session for a gate's next claim. What was said in earlier ones counts no more; what is held stays so until the gate says
   * otherwise.
   */
  beginSession(gate: string, nowMs: number): string {
    const holder = this.#holders.get(gate) ?? this.#enter(gate, 0, nowMs);
    holder.session = this.#parts.newSession();
    holder.sequence = 0;
    return holder.session;
  }

  /** Lends places to a gate whose claim was noted. Absent when there are too few. */
  grant(gate: string, { claim, least, wanted }: PlaceOrder, nowMs: number): PlaceGrant | undefined {
    const free = this.limit - this.numHeld(nowMs);
    const holder = this.#holders.get(gate);
    if (holder === undefined || claim === undefined) throw new Error("places are lent to who has claimed");
    // Whoever slept claims what may have begun. When it turns out that it had not, no places come of it beyond the limit.
    const numExcess = Math.max(0, -free);
    const numSpare = holder.held - numExcess - claim.used;
    if (least > 0 && numSpare + Math.max(0, free) < least) {
      this.#contendedUntilMs = nowMs + contentionMs;
      return undefined;
    }
    const isContended = nowMs < this.#contendedUntilMs;
    holder.held += Math.max(0, Math.min(free, this.#ofUse(least, wanted, isContended) - numSpare));
    return { held: Math.max(0, holder.held - numExcess), isContended };
  }

  /** Places beyond those in use that an order is for. While somebody is short, none are lent to who only looks ahead. */
  #ofUse(least: number, wanted: number, isContended: boolean): number {
    if (isContended) return least === 0 ? 0 : wanted;
    return wanted === 0 ? 0 : Math.max(wanted, Math.floor(this.limit * spareShare));
  }

  /** Those who may hold places that they have no use for. What they answer counts as a claim. */
  recall(exceptGate: string, nowMs: number): readonly PlaceRecall[] {
    const recalls: PlaceRecall[] = [];
    for (const [gate, holder] of this.#holders) {
      if (recalls.length === maxRecalled) break;
      if (gate === exceptGate || holder.held === 0 || nowMs < holder.recalledUntilMs) continue;
      holder.recalledUntilMs = nowMs + contentionMs;
      recalls.push({ gate, session: this.beginSession(gate, nowMs) });
    }
    return recalls;
  }

  /** What storage must hear before anybody hears of a grant; with `all`, also what is free again. gate -> places, 0: none. */
  takeUnsaved(all: boolean): readonly (readonly [gate: string, held: number])[] {
    const unsaved = new Map<string, number>();
    for (const [gate, { held }] of this.#holders) {
      const stored = this.#stored.get(gate) ?? 0;
      if (all ? held !== stored : held > stored) unsaved.set(gate, held);
    }
    if (all) for (const gate of this.#stored.keys()) if (!this.#holders.has(gate)) unsaved.set(gate, 0);
    for (const [gate, held] of unsaved) {
      if (held === 0) this.#stored.delete(gate);
      else this.#stored.set(gate, held);
    }
    return [...unsaved];
  }

  #enter(gate: string, held: number, nowMs: number): Holder {
    const recalledUntilMs = Number.NEGATIVE_INFINITY;
    const holder = { held, untilMs: this.#latestEndMs(nowMs), session: undefined, sequence: 0, recalledUntilMs };
    this.#holders.set(gate, holder);
    return holder;
  }

  /** A gate begins requests on its places for a slice's life after it last asked. */
  #latestEndMs(nowMs: number): number {
    return nowMs + sliceLifeMs + this.#parts.leaseMs;
  }
}
