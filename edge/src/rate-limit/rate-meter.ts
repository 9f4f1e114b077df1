import {
  type Bucket,
  charge,
  fullBucket,
  giveBack,
  type Rate,
  refill,
  remaining,
  untilFitsMs,
  untilFullMs,
} from "./gcra.ts";
import { type RateName, rateWindowsMs } from "./limits.ts";
import type { Meter, Settlement, StoredMeter } from "./meter.ts";
import { Unsettled } from "./unsettled.ts";

/** Windows' share that is written ahead: a quarter of a minute heals in 15 s, a 96th of a day in 15 minutes. */
const aheadShares: Readonly<Record<RateName, number>> = {
  requestsPerMinute: 1 / 4,
  tokensPerMinute: 1 / 4,
  requestsPerDay: 1 / 96,
};

/** A limit that refills continuously. */
export class RateMeter implements Meter {
  readonly name: RateName;
  readonly limit: number;
  readonly #rate: Rate;
  readonly #unsettled: Unsettled;
  #live: Bucket;
  #stored: Bucket;

  /** @param burst how much a full meter holds. */
  constructor(name: RateName, limit: number, stored: StoredMeter | undefined, burst = limit) {
    this.name = name;
    this.limit = limit;
    this.#rate = { limit, windowMs: rateWindowsMs[name], burst };
    this.#unsettled = new Unsettled(stored?.unsettled);
    this.#live = stored ?? fullBucket;
    this.#stored = this.#live;
  }

  remaining(nowMs: number): number {
    return remaining(this.#rate, this.#live, nowMs);
  }

  untilFitsMs(cost: number, nowMs: number): number | undefined {
    return untilFitsMs(this.#rate, this.#live, cost, nowMs);
  }

  untilFullMs(nowMs: number): number {
    return untilFullMs(this.#rate, this.#live, nowMs);
  }

  charge(cost: number, nowMs: number): void {
    this.#refill(nowMs);
    this.#live = charge(this.#rate, this.#live, cost, nowMs);
  }

  reserve(requestId: string, cost: number, nowMs: number): void {
    this.charge(cost, nowMs);
    this.#unsettled.add(requestId, cost * this.#rate.windowMs);
  }

  settle({ requestId, reserved, used }: Settlement, nowMs: number): void {
    this.#refill(nowMs);
    const owed = this.#unsettled.take(requestId);
    const unused = (reserved - used) * this.#rate.windowMs;
    if (unused < 0) this.#live = charge(this.#rate, this.#live, used - reserved, nowMs);
    else this.#live = giveBack(this.#rate, this.#live, Math.min(unused, owed), nowMs);
  }

  isCovered(nowMs: number): boolean {
    return refill(this.#rate, this.#stored, nowMs).debt >= refill(this.#rate, this.#live, nowMs).debt;
  }

  toStored(ahead: boolean, nowMs: number): StoredMeter {
    this.#refill(nowMs);
    const share = Math.ceil(this.limit * aheadShares[this.name]);
    const extra = ahead ? Math.min(share, this.remaining(nowMs)) : 0;
    this.#stored = charge(this.#rate, this.#live, extra, nowMs);
    return { ...this.#stored, unsettled: this.#unsettled.toStored() };
  }

  #refill(nowMs: number): void {
    this.#live = refill(this.#rate, this.#live, nowMs);
    this.#unsettled.trim(this.#live.debt);
  }
}
