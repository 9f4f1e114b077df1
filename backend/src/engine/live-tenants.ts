import type { SequenceId } from "./scheduler/sequence-id.ts";

/** Whose a sequence is. */
interface Owned {
  readonly tenant: string;
  /** Lower runs first. */
  readonly priority: number;
}

/** Whose sequences are live. */
export class LiveTenants {
  readonly #owned = new Map<SequenceId, Owned>();
  // tenant -> priority -> its live sequences; none has 0
  readonly #counts = new Map<string, Map<number, number>>();

  add(id: SequenceId, owned: Owned): void {
    this.#owned.set(id, owned);
    const counts = this.#counts.get(owned.tenant) ?? new Map<number, number>();
    this.#counts.set(owned.tenant, counts);
    counts.set(owned.priority, (counts.get(owned.priority) ?? 0) + 1);
  }

  /** Does nothing when it is not live. */
  remove(id: SequenceId): void {
    const owned = this.#owned.get(id);
    const counts = this.#counts.get(owned?.tenant ?? "");
    if (owned === undefined || counts === undefined) return;
    this.#owned.delete(id);
    const left = (counts.get(owned.priority) ?? 0) - 1;
    if (left > 0) counts.set(owned.priority, left);
    else counts.delete(owned.priority);
    if (counts.size === 0) this.#counts.delete(owned.tenant);
  }

  /**
   * Whether with `n` more of this priority the tenant would have more than its part of `capacity`, shared equally by all that have
   * any. What it has of lower priority does not count: it gives way.
   */
  wouldExceedShare({ tenant, priority }: Owned, n: number, capacity: number): boolean {
    const numTenants = this.#counts.size + (this.#counts.has(tenant) ? 0 : 1);
    let count = n;
    for (const [each, numLive] of this.#counts.get(tenant) ?? []) if (each <= priority) count += numLive;
    return count > capacity / numTenants;
  }

  /** Whether nobody but the tenant has any. */
  isAlone(tenant: string): boolean {
    return this.#counts.size === (this.#counts.has(tenant) ? 1 : 0);
  }
}
