import type { Clock } from "#edge/clock.ts";

/** Retries a request earns. Source: Finagle's RetryBudget, whose default is 20 % of the requests. */
const retriesPerRequest = 0.2;
/** Retries a second that are always allowed, so that a quiet isolate may fail over too. */
const minRetriesPerSecond = 2;
/** Earned retries do not pile up beyond this: an outage is met with a burst of this size, not of a day's savings. */
const maxBalance = 20;

/**
 * Bounds failover when everything fails: without a budget, each region that goes down multiplies the load on those that
 * are left. One an isolate.
 */
export class RetryBudget {
  readonly #now: Clock;
  #balance = maxBalance;
  #refilledAtMs: number;

  constructor(now: Clock) {
    this.#now = now;
    this.#refilledAtMs = now();
  }

  /** A request came in: a part of a retry is earned. */
  deposit(): void {
    this.#add(retriesPerRequest);
  }

  /** Whether one more attempt may be made; it is then paid for. */
  withdraw(): boolean {
    const nowMs = this.#now();
    this.#add((minRetriesPerSecond * (nowMs - this.#refilledAtMs)) / 1000);
    this.#refilledAtMs = nowMs;
    if (this.#balance < 1) return false;
    this.#balance -= 1;
    return true;
  }

  #add(retries: number): void {
    this.#balance = Math.min(maxBalance, this.#balance + retries);
  }
}
