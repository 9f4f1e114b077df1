import type { Clock } from "#edge/clock.ts";

/** Long enough for the board's next polls to find out, short enough that a hiccup is soon forgiven. */
const suspicionMs = 5_000;

/** Regions this isolate failed to reach a moment ago: the next request should not pay for the same discovery. */
export class Suspects {
  readonly #now: Clock;
  /** regionId -> when it is forgiven. As many entries at most as there are regions. */
  readonly #untilMs = new Map<string, number>();

  constructor(now: Clock) {
    this.#now = now;
  }

  mark(regionId: string): void {
    this.#untilMs.set(regionId, this.#now() + suspicionMs);
  }

  has(regionId: string): boolean {
    return (this.#untilMs.get(regionId) ?? 0) > this.#now();
  }
}
