// When a place may be free again. Nobody knows how long a request will last, only how long others did: of n places that are held
// for d on average, one becomes free about every d/n. Each who is refused is told another of these moments, in turn, so that those who
// were refused together do not come back together. By these times, clients that give up after two retries get in far more often than by
// their own backoff, most of all when they come in bursts or their requests last long.
import { clientPatienceMs } from "./client-patience.ts";

/** Of the last request in the mean. */
const weight = 1 / 8;

/** Of a request, until one has ended. */
const firstGuessMs = 1_000;

export class HoldTimes {
  #meanMs: number | undefined;
  /** Since a place was last free. */
  #numTold = 0;

  /** A request has ended that held its place for so long. */
  note(heldMs: number): void {
    this.#meanMs = this.#meanMs === undefined ? heldMs : this.#meanMs + (heldMs - this.#meanMs) * weight;
    this.#numTold = 0;
  }

  /**
   * Milliseconds after which somebody who was refused should ask again: an estimate, at most a minute.
   * @param numHeld places, all of which are held: at least one.
   */
  untilFreeMs(numHeld: number): number {
    const turn = 1 + (this.#numTold % numHeld);
    this.#numTold += 1;
    return Math.min(clientPatienceMs, Math.max(1, Math.round(((this.#meanMs ?? firstGuessMs) * turn) / numHeld)));
  }
}
