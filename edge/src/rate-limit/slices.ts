// A gate's side of one ceiling: the slices it holds, and what it took from them. See ceiling.ts.
import type { SliceAnswer, SliceOrder, SliceReport, Units, UnusedTokens } from "./ceiling.ts";
import { isSameMonth } from "./month-budget.ts";
import type { PlaceOrder } from "./place-register.ts";
import type { Refusal } from "./quota.ts";
import { sliceLifeMs } from "./slice-life.ts";

/** How long a ledger that said it has no limits is believed. */
const unlimitedTrustMs = 60_000;
/** A slice older than this, or less than half full, is one to follow up. */
const followUpAfterMs = 3_000;
/** Smaller slices are not followed up: what a gate holds in reserve would be too much of the limit. */
const leastFollowedUp = 8;
/** As many as a quota lets run. */
const maxUnderWay = 10_000;

const noPlaces: PlaceOrder = { claim: undefined, least: 0, wanted: 0 };

interface Slice {
  readonly sliceId: string;
  readonly granted: Units;
  readonly grantedAtMs: number;
  left: Units;
  isGivenUp: boolean;
}

export class Slices {
  readonly #slices: Slice[] = [];
  /** requestId -> the slice it was taken from, as long as its use can still be corrected. */
  readonly #takenFrom = new Map<string, { readonly slice: Slice; readonly tokens: number }>();
  /** Absent: not known to be without limits. */
  #unlimitedUntilMs: number | undefined;
  #unused: UnusedTokens | undefined;
  #numOrdered = 0;
  #lastOrderId: string | undefined;
  /** Of an order whose answer is not to be spent. */
  #givenUpOrderId: string | undefined;

  /** @param isUnlimited what was last known, before this gate slept. */
  constructor(isUnlimited: boolean, nowMs: number) {
    if (isUnlimited) this.#unlimitedUntilMs = nowMs;
  }

  get isUnlimited(): boolean {
    return this.#unlimitedUntilMs !== undefined;
  }

  /** Whether the ledger should be asked again, behind the requests. */
  needsCheck(nowMs: number): boolean {
    return this.#unlimitedUntilMs !== undefined && this.#unlimitedUntilMs <= nowMs;
  }

  has(cost: Units, nowMs: number): boolean {
    return this.isUnlimited || this.#find(cost, nowMs) !== undefined;
  }

  /** Whether the next slice should be ordered now, so that no request has to wait for it. */
  isLow(nowMs: number): boolean {
    const last = this.#slices.at(-1);
    if (this.isUnlimited || last === undefined || last.granted.requests < leastFollowedUp) return false;
    const isHalfUsed = last.left.requests * 2 < last.granted.requests || last.left.tokens * 2 < last.granted.tokens;
    return isHalfUsed || nowMs - last.grantedAtMs > followUpAfterMs;
  }

  /** Takes what `has` said is there. Throws when it is not. */
  take(requestId: string, cost: Units, nowMs: number): void {
    if (this.isUnlimited) return;
    const slice = this.#find(cost, nowMs);
    if (slice === undefined) throw new Error("no slice has what is taken");
    slice.left = { requests: slice.left.requests - cost.requests, tokens: slice.left.tokens - cost.tokens };
    // What is taken for a request later on counts as used.
    if (this.#takenFrom.has(requestId)) return;
    this.#takenFrom.set(requestId, { slice, tokens: cost.tokens });
    // Orphans are never given back.
    const [oldest] = this.#takenFrom.keys();
    if (this.#takenFrom.size > maxUnderWay && oldest !== undefined) this.#takenFrom.delete(oldest);
  }

  /** A request used fewer tokens than were taken for it. */
  giveBack(requestId: string, unusedTokens: number): void {
    const taken = this.#takenFrom.get(requestId);
    this.#takenFrom.delete(requestId);
    if (taken === undefined) return;
    const { slice, tokens } = taken;
    const unused = Math.min(unusedTokens, tokens);
    if (this.#slices.includes(slice)) slice.left = { ...slice.left, tokens: slice.left.tokens + unused };
    else this.#unused = addUnused(this.#unused, { tokens: unused, grantedAtMs: slice.grantedAtMs });
  }

  /** An order of a new slice, with reports of those that are over. `gate` is its name among the ledger's. */
  order(
    gate: string,
    least: Units | undefined,
    wanted: Units,
    nowMs: number,
    places: PlaceOrder = noPlaces,
  ): SliceOrder {
    this.#numOrdered += 1;
    const unused = this.#unused;
    this.#unused = undefined;
    const sliceId = `${gate}/${nowMs}/${this.#numOrdered}`;
    this.#lastOrderId = sliceId;
    return {
      sliceId,
      gate,
      least,
      wanted,
      reports: this.#reportOver(nowMs),
      unused,
      places,
    };
  }

  /** Takes up the ledger's answer, whose slice lives from when it was ordered. Absent when nothing was refused. */
  accept(order: SliceOrder, answer: SliceAnswer, orderedAtMs: number, nowMs: number): Refusal | undefined {
    if (answer.kind === "refused") return answer.refusal;
    if (answer.kind === "outdated") return undefined;
    const isGivenUp = order.sliceId === this.#givenUpOrderId;
    if (isGivenUp && answer.kind === "unlimited") return undefined;
    this.#unlimitedUntilMs = answer.kind === "unlimited" ? nowMs + unlimitedTrustMs : undefined;
    if (answer.kind === "unlimited" || order.least === undefined) return undefined;
    const { sliceId } = order;
    this.#slices.push({ sliceId, granted: answer.units, grantedAtMs: orderedAtMs, left: answer.units, isGivenUp });
    return undefined;
  }

  /** Spends no more of what was granted, or is about to be: the ledger's limits are others now. */
  giveUp(): void {
    this.#unlimitedUntilMs = undefined;
    this.#givenUpOrderId = this.#lastOrderId;
    for (const slice of this.#slices) slice.isGivenUp = true;
  }

  /** Whether there is anything to tell the ledger. */
  hasReports(nowMs: number): boolean {
    return this.#unused !== undefined || this.#slices.some((slice) => isOver(slice, nowMs));
  }

  #find(cost: Units, nowMs: number): Slice | undefined {
    return this.#slices.find(
      (slice) => !isOver(slice, nowMs) && slice.left.requests >= cost.requests && slice.left.tokens >= cost.tokens,
    );
  }

  #reportOver(nowMs: number): SliceReport[] {
    const over = this.#slices.filter((slice) => isOver(slice, nowMs));
    for (const slice of over) this.#slices.splice(this.#slices.indexOf(slice), 1);
    return over.map(({ sliceId, granted, grantedAtMs, left }) => {
      const used = { requests: granted.requests - left.requests, tokens: granted.tokens - left.tokens };
      return { sliceId, granted, used, grantedAtMs };
    });
  }
}

/** Of two months only the later one: nobody asks any more what was spent of the other. */
function addUnused(one: UnusedTokens | undefined, other: UnusedTokens): UnusedTokens | undefined {
  if (other.tokens === 0 || one === undefined) return other.tokens === 0 ? one : other;
  const [earlier, later] = one.grantedAtMs <= other.grantedAtMs ? [one, other] : [other, one];
  if (!isSameMonth(earlier.grantedAtMs, later.grantedAtMs)) return later;
  return { tokens: earlier.tokens + later.tokens, grantedAtMs: later.grantedAtMs };
}

function isOver({ grantedAtMs, isGivenUp }: Slice, nowMs: number): boolean {
  return isGivenUp || nowMs >= grantedAtMs + sliceLifeMs;
}
