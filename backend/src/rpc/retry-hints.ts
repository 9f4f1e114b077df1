import type { EngineClient } from "#engine/engine-client.ts";
import type { EngineLoad } from "#engine/generation.ts";
import type { Clock } from "#platform/clock.ts";

/** What is said while nothing was measured yet. */
const UNMEASURED_MS = 1_000;
/** Sooner, the caller's round trip is most of the wait. */
const SHORTEST_MS = 100;
/** Later, the forecast is worth nothing. */
const LONGEST_MS = 60_000;
/** Old measurements fade: after this much busy time they count a third (1/e). */
const MEMORY_MS = 10_000;

/**
 * Tells refused callers when the queue will have room for them, from what the engine was measured to do while it was busy: a
 * place is free when a sequence ends, and room for a prompt when as many prompt tokens were computed. Each caller gets a
 * moment of its own, after those that were told before, so that they do not all come back for the same place.
 */
export class RetryHints {
  readonly #clock: Clock;
  #last: { readonly load: EngineLoad; readonly atMs: number } | undefined;
  // Sums in which the past fades.
  #busyMs = 0;
  #numEnded = 0;
  #numPromptTokens = 0;
  /** When the caller told last is to come back, on the monotonic clock. */
  #lastToldMs = 0;

  constructor(client: EngineClient, clock: Clock) {
    this.#clock = clock;
    client.onChange(() => this.#observe(client.model?.load));
  }

  /** Busy time between two sequences' ends, in milliseconds; absent until one ended. */
  get turnoverMs(): number | undefined {
    return this.#numEnded === 0 ? undefined : this.#busyMs / this.#numEnded;
  }

  /** Milliseconds, a whole number; for a request with a prompt of `numPromptTokens`. */
  retryAfterMs(numPromptTokens: number): number {
    const nowMs = this.#clock.monotonicMs();
    const turnMs = Math.max(nowMs, this.#lastToldMs) + this.#msUntilRoom(numPromptTokens);
    this.#lastToldMs = Math.min(turnMs, nowMs + LONGEST_MS);
    return Math.max(SHORTEST_MS, Math.round(this.#lastToldMs - nowMs));
  }

  #msUntilRoom(numPromptTokens: number): number {
    if (this.#numEnded === 0 || this.#numPromptTokens === 0) return UNMEASURED_MS;
    return this.#busyMs * Math.max(1 / this.#numEnded, numPromptTokens / this.#numPromptTokens);
  }

  #observe(load: EngineLoad | undefined): void {
    const last = this.#last;
    const atMs = this.#clock.monotonicMs();
    this.#last = load && { load, atMs };
    if (load === undefined || last === undefined || last.load.numRunning + last.load.numWaiting === 0) return;
    const elapsedMs = atMs - last.atMs;
    const kept = Math.exp(-elapsedMs / MEMORY_MS);
    this.#busyMs = kept * this.#busyMs + elapsedMs;
    this.#numEnded = kept * this.#numEnded + countEnded(load) - countEnded(last.load);
    this.#numPromptTokens = kept * this.#numPromptTokens + load.totals.promptTokens - last.load.totals.promptTokens;
  }
}

function countEnded({ totals }: EngineLoad): number {
  return Object.values(totals.ended).reduce((sum, count) => sum + count, 0);
}
