export const startMs = Date.UTC(2026, 10, 24);

/** What the way of one message is like. Absent: it is lost. */
export type DelayMs = number | undefined;

/** Time that passes when it is told to, and what happens in it. */
export class VirtualTime {
  nowMs = startMs;
  /** Soonest first. */
  readonly #events: { readonly atMs: number; readonly run: () => void }[] = [];

  run(untilMs: number): void {
    for (let next = this.#events[0]; next !== undefined && next.atMs <= untilMs; next = this.#events[0]) {
      this.#events.shift();
      this.moveTo(next.atMs);
      next.run();
    }
    this.moveTo(untilMs);
  }

  protected moveTo(nowMs: number): void {
    this.nowMs = nowMs;
  }

  protected after(delay: DelayMs, run: () => void): void {
    if (delay === undefined) return;
    const atMs = this.nowMs + delay;
    const later = this.#events.findIndex((event) => event.atMs > atMs);
    this.#events.splice(later === -1 ? this.#events.length : later, 0, { atMs, run });
  }
}
