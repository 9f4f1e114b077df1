// When a place may be free again. Nobody knows how long a request will last, only how long others did: of n places that are held
// for d on average, one becomes free about every d/n. A place that has been held for longer than d is likely to be held for about as
// long again, as those are that a dead Worker left behind, so it counts for less. And the longer no place at all becomes free, the
// less is believed of what was known, which after a crash is nothing: then the time told grows with the time that passed.
//
// Each who is refused is told another of these moments, in turn, so that those who were refused together do not come back together. By
// these times, clients that give up after two retries get in far more often than by their own backoff, most of all when they come in
// bursts or their requests last long.
import { clientPatienceMs } from "./client-patience.ts";

/** Of the last request in the mean; and as many requests as the mean stands for. */
const weight = 1 / 8;

/** Of a request, until one has ended. */
const firstGuessMs = 1_000;

/** Places, all of which are held. */
export interface HeldPlaces {
  /** At least one. */
  readonly count: number;
  /** For how long those are held that are held here. Empty: all are held elsewhere, or nobody knows. */
  readonly agesMs: readonly number[];
}

export class HoldTimes {
  #meanMs: number | undefined;
  /** Requests that have ended; past a few they make no difference. */
  #numEnded = 0;
  /** Since a place was last free. */
  #numTold = 0;
  #firstToldAtMs: number | undefined;

  /** A request has ended that held its place for so long. */
  note(heldMs: number): void {
    this.#meanMs = this.#meanMs === undefined ? heldMs : this.#meanMs + (heldMs - this.#meanMs) * weight;
    this.#numEnded = Math.min(1 / weight, this.#numEnded + 1);
    this.#numTold = 0;
    this.#firstToldAtMs = undefined;
  }

  /** Milliseconds after which somebody who was refused should ask again: an estimate, at most a minute. */
  untilFreeMs({ count, agesMs }: HeldPlaces, nowMs: number): number {
    this.#firstToldAtMs ??= nowMs;
    const turn = 1 + (this.#numTold % count);
    this.#numTold += 1;
    const meanMs = Math.max(1, this.#meanMs ?? firstGuessMs);
    // The last place was taken when the youngest request began, and none was free since.
    let quietMs = agesMs.length > 0 ? Infinity : nowMs - this.#firstToldAtMs;
    let perMs = 0;
    for (const ageMs of agesMs) {
      quietMs = Math.min(quietMs, ageMs);
      perMs += 1 / Math.max(meanMs, ageMs);
    }
    const freedPerMs = agesMs.length > 0 ? (perMs / agesMs.length) * count : count / meanMs;
    const betweenMs = 1 / freedPerMs + Math.max(0, quietMs) / Math.max(1, this.#numEnded);
    return Math.min(clientPatienceMs, Math.max(1, Math.round(betweenMs * turn)));
  }
}
