// A gate's side of a ceiling on concurrent requests: the places that it holds. See place-register.ts.
import { contentionMs, type PlaceClaim, type PlaceGrant } from "./place-register.ts";
import { sliceLifeMs } from "./slice-life.ts";

export class Places {
  #session: string | undefined;
  #sequence = 0;
  /** Absent: as far as is known there is no such limit. */
  #held: number | undefined;
  #syncedAtMs = Number.NEGATIVE_INFINITY;
  #contendedUntilMs = Number.NEGATIVE_INFINITY;

  /** Whether the ceiling is known to limit them. */
  get areLimited(): boolean {
    return this.#held !== undefined;
  }

  /** Whether `count` requests may begin beside those under way. */
  has(count: number, numUnderWay: number, nowMs: number): boolean {
    if (count === 0 || this.#held === undefined) return true;
    return numUnderWay + count <= this.#held && this.#isFresh(nowMs);
  }

  /** Whether there are places to give back: those without use, while somebody else is short. */
  owesAny(numUnderWay: number, nowMs: number): boolean {
    return this.hasSpare(numUnderWay) && nowMs < this.#contendedUntilMs;
  }

  hasSpare(numUnderWay: number): boolean {
    return this.#held !== undefined && this.#held > numUnderWay;
  }

  /** What to tell the ledger. Absent before the first session. What is not kept is given up with it. */
  claim(numUnderWay: number, keepsSpare: boolean, nowMs: number): PlaceClaim | undefined {
    if (this.#session === undefined) return undefined;
    // Those that were not asked about for longer may be lent to others by now.
    const keeps = keepsSpare && this.#isFresh(nowMs) && nowMs >= this.#contendedUntilMs;
    if (this.#held !== undefined && !keeps) this.#held = Math.min(this.#held, numUnderWay);
    this.#sequence += 1;
    // What is under way holds places, also where none were lent: it began when there was no such limit, or may not have begun.
    const held = Math.max(numUnderWay, this.#held ?? 0);
    return { session: this.#session, sequence: this.#sequence, held, used: numUnderWay };
  }

  /** The claim did not count. */
  beginSession(session: string, claim: PlaceClaim | undefined): void {
    if (!this.#isOvertaken(claim)) this.#session = session;
  }

  /** The ledger's answer to a claim. Absent: there is no such limit. */
  accept(claim: PlaceClaim | undefined, grant: PlaceGrant | undefined, claimedAtMs: number, nowMs: number): void {
    if (this.#isOvertaken(claim)) return;
    this.#held = grant?.held;
    this.#syncedAtMs = claimedAtMs;
    if (grant?.isContended === true) this.#contendedUntilMs = nowMs + contentionMs;
  }

  /** Somebody else is short: gives up what is without use, at once and for a while. */
  recall(session: string, numUnderWay: number, nowMs: number): PlaceClaim {
    this.#session = session;
    this.#sequence += 1;
    this.#contendedUntilMs = nowMs + contentionMs;
    this.#held = Math.min(this.#held ?? numUnderWay, numUnderWay);
    return { session, sequence: this.#sequence, held: numUnderWay, used: numUnderWay };
  }

  #isFresh(nowMs: number): boolean {
    return nowMs < this.#syncedAtMs + sliceLifeMs;
  }

  /** By a recall, since when the answer tells of what is no more. */
  #isOvertaken(claim: PlaceClaim | undefined): boolean {
    return (claim?.sequence ?? 0) !== this.#sequence;
  }
}

/** The claim of a gate that does not know of the ledger yet, as after sleep. Claiming too much is safe. */
export function claimUnderWay(session: string, numUnderWay: number): PlaceClaim {
  return { session, sequence: 1, held: numUnderWay, used: numUnderWay };
}
