import type { Clock } from "#edge/clock.ts";

/** However long a region says that it will be full, it is asked again after this. */
const maxDelayMs = 30_000;

/** Regions that told this isolate that they are full, before the board's next poll could say so. */
export class Saturation {
  readonly #now: Clock;
  // regionId -> when it expects to have room; as many entries at most as there are regions
  readonly #fullUntilMs = new Map<string, number>();

  constructor(now: Clock) {
    this.#now = now;
  }

  /** @param retryAfterMs what the region's refusal said. */
  told(regionId: string, retryAfterMs: number): void {
    this.#fullUntilMs.set(regionId, this.#now() + Math.min(maxDelayMs, retryAfterMs));
  }

  /** How long a request sent now would have to wait for room, in ms. */
  delayMs(regionId: string): number {
    return Math.max(0, (this.#fullUntilMs.get(regionId) ?? 0) - this.#now());
  }
}
