// The part of a bucket's debt that may still be given back.
//
// Giving back all that a request reserved and did not use would be too much: of a debt that has partly refilled meanwhile, the
// refilled part is no longer owed, and giving it back would pay for somebody else's tokens. So each reservation keeps what
// of it is still owed. What refills pays first for what is settled, then for the oldest reservation.
//
// Invariant: the bucket's debt without all that is unsettled is at least what it would be if every settled request had
// only ever been charged what it used. So whatever is given back, no stretch of time holds more than the limit allows.

export class Unsettled {
  /** requestId -> parts still owed; oldest first, none of them 0. */
  readonly #owed: Map<string, number>;
  #sum: number;

  constructor(owed: Readonly<Record<string, number>> = {}) {
    this.#owed = new Map(Object.entries(owed));
    this.#sum = this.#owed.values().reduce((sum, parts) => sum + parts, 0);
  }

  add(requestId: string, parts: number): void {
    if (parts === 0) return;
    this.#owed.set(requestId, (this.#owed.get(requestId) ?? 0) + parts);
    this.#sum += parts;
  }

  /** The bucket owes only `debt` now: what is unsettled beyond that has refilled. */
  trim(debt: number): void {
    for (const [requestId, parts] of this.#owed) {
      const excess = this.#sum - debt;
      if (excess <= 0) return;
      const paid = Math.min(parts, excess);
      this.#sum -= paid;
      if (paid === parts) this.#owed.delete(requestId);
      else this.#owed.set(requestId, parts - paid);
    }
  }

  /** Ends a reservation; returns what was still owed for it. */
  take(requestId: string): number {
    const parts = this.#owed.get(requestId) ?? 0;
    this.#owed.delete(requestId);
    this.#sum -= parts;
    return parts;
  }

  toStored(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#owed);
  }
}
