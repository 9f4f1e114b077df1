// A ceiling and its storage, of whichever Durable Object keeps it. See ceiling.ts for what it promises, and meter.ts for how
// storage follows memory.
import { Ceiling, type CeilingLimits, type SliceAnswer, type SliceOrder, storedCeilingSchema } from "./ceiling.ts";

const ceilingKey = "ceiling";

/** After so long without an order, what was written ahead is taken back. */
const idleAfterMs = 5_000;

export class CeilingBook {
  readonly #kv: SyncKvStorage;
  #limits: CeilingLimits;
  #ceiling: Ceiling;
  #idleTimer: number | null = null;

  constructor(kv: SyncKvStorage, limits: CeilingLimits) {
    this.#kv = kv;
    this.#limits = limits;
    this.#ceiling = this.#wake();
  }

  lease(order: SliceOrder): SliceAnswer {
    const nowMs = Date.now();
    const answer = this.#ceiling.lease(order, nowMs);
    if (answer.kind !== "unlimited") {
      if (!this.#ceiling.isCovered(nowMs)) this.#store(true, nowMs);
      clearTimeout(this.#idleTimer);
      this.#idleTimer = setTimeout(() => this.#store(false, Date.now()), idleAfterMs);
    }
    return answer;
  }

  /** Replaces all limits; none of them lifts the ceiling. What was handed out stays charged. */
  setLimits(limits: CeilingLimits): void {
    if (Object.keys(this.#limits).length > 0) this.#store(false, Date.now());
    this.#limits = limits;
    this.#ceiling = this.#wake();
  }

  #wake(): Ceiling {
    const stored = this.#kv.get(ceilingKey);
    return new Ceiling(this.#limits, stored === undefined ? undefined : storedCeilingSchema.parse(stored));
  }

  #store(ahead: boolean, nowMs: number): void {
    this.#kv.put(ceilingKey, this.#ceiling.toStored(ahead, nowMs));
  }
}
