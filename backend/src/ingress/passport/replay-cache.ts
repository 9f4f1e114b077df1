/**
 * Remembers the ids of passports for as long as they could be shown again. Bounded: when it is full of ids that still
 * matter it takes no new one, since forgetting one early would let it be used twice.
 */
export class ReplayCache {
  readonly #lifeMs: number;
  readonly #capacity: number;
  // id -> when it may be forgotten, oldest first: all live equally long, so insertion order is expiry order.
  readonly #expiries = new Map<string, number>();

  constructor(lifeMs: number, capacity: number) {
    this.#lifeMs = lifeMs;
    this.#capacity = capacity;
  }

  /** `seen` when the id was shown before, `full` when there is no room to remember it, else `new`. */
  show(id: string, nowMs: number): "new" | "seen" | "full" {
    this.#forgetExpired(nowMs);
    if (this.#expiries.has(id)) return "seen";
    if (this.#expiries.size >= this.#capacity) return "full";
    this.#expiries.set(id, nowMs + this.#lifeMs);
    return "new";
  }

  #forgetExpired(nowMs: number): void {
    for (const [id, expiryMs] of this.#expiries) {
      if (expiryMs > nowMs) return;
      this.#expiries.delete(id);
    }
  }
}
