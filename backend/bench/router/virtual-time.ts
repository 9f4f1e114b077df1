import type { Clock } from "#platform/clock.ts";

interface Event {
  readonly atMs: number;
  readonly happen: () => void | Promise<void>;
}

/** Time that passes only by events: what is due next happens next, at once; of two at the same time the one that was planned first. */
export class VirtualTime implements Clock {
  // Latest first, so that the next one is at the end.
  readonly #events: Event[] = [];
  #nowMs = 0;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, happen: Event["happen"]): void {
    const event = { atMs: this.#nowMs + delayMs, happen };
    let index = this.#events.length;
    while (index > 0 && (this.#events[index - 1]?.atMs ?? 0) <= event.atMs) index -= 1;
    this.#events.splice(index, 0, event);
  }

  /** Settles when nothing is due before `untilMs`. */
  async pass(untilMs: number): Promise<void> {
    for (;;) {
      const next = this.#events.at(-1);
      if (next === undefined || next.atMs > untilMs) break;
      this.#events.pop();
      this.#nowMs = next.atMs;
      await next.happen();
    }
    this.#nowMs = untilMs;
  }
}
