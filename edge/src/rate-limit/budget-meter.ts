import { type Bucket, fullBucket } from "./gcra.ts";
import type { Meter, Settlement, StoredMeter } from "./meter.ts";
import { isSameMonth, spendAt, untilNextMonthMs } from "./month-budget.ts";

/** Share that is written ahead. Nothing heals before the month ends, so it is little. */
const aheadShare = 1 / 1_000;

/** A budget of tokens that starts anew with each month. */
export class BudgetMeter implements Meter {
  readonly name = "tokensPerMonth";
  readonly limit: number;
  #live: Bucket;
  #stored: Bucket;

  constructor(limit: number, stored: StoredMeter | undefined) {
    this.limit = limit;
    this.#live = stored ?? fullBucket;
    this.#stored = this.#live;
  }

  remaining(nowMs: number): number {
    return Math.max(0, this.limit - spendAt(this.#live, nowMs).debt);
  }

  untilFitsMs(cost: number, nowMs: number): number | undefined {
    if (cost > this.limit) return undefined;
    return spendAt(this.#live, nowMs).debt + cost <= this.limit ? 0 : untilNextMonthMs(this.#live, nowMs);
  }

  untilFullMs(nowMs: number): number {
    return spendAt(this.#live, nowMs).debt === 0 ? 0 : untilNextMonthMs(this.#live, nowMs);
  }

  charge(cost: number, nowMs: number): void {
    const { debt, atMs } = spendAt(this.#live, nowMs);
    this.#live = { debt: debt + cost, atMs };
  }

  reserve(_requestId: string, cost: number, nowMs: number): void {
    this.charge(cost, nowMs);
  }

  /** What was reserved in an earlier month was forgotten with it. */
  settle({ reserved, used, reservedAtMs }: Settlement, nowMs: number): void {
    const { debt, atMs } = spendAt(this.#live, nowMs);
    if (isSameMonth(reservedAtMs, atMs)) this.#live = { debt: Math.max(0, debt + used - reserved), atMs };
  }

  isCovered(nowMs: number): boolean {
    return spendAt(this.#stored, nowMs).debt >= spendAt(this.#live, nowMs).debt;
  }

  toStored(ahead: boolean, nowMs: number): StoredMeter {
    const { debt, atMs } = spendAt(this.#live, nowMs);
    const extra = ahead ? Math.min(Math.ceil(this.limit * aheadShare), this.remaining(nowMs)) : 0;
    this.#stored = { debt: debt + extra, atMs };
    return { ...this.#stored, unsettled: {} };
  }
}
