import type { SequenceId } from "./scheduler/sequence-id.ts";

/** Whose sequences are live. */
export class LiveTenants {
  readonly #tenantOf = new Map<SequenceId, string>();
  // tenant -> its live sequences; none has 0
  readonly #counts = new Map<string, number>();

  add(id: SequenceId, tenant: string): void {
    this.#tenantOf.set(id, tenant);
    this.#counts.set(tenant, this.#countOf(tenant) + 1);
  }

  /** Does nothing when it is not live. */
  remove(id: SequenceId): void {
    const tenant = this.#tenantOf.get(id);
    if (tenant === undefined) return;
    this.#tenantOf.delete(id);
    const left = this.#countOf(tenant) - 1;
    if (left === 0) this.#counts.delete(tenant);
    else this.#counts.set(tenant, left);
  }

  /** Whether with `n` more the tenant would have more than its part of `capacity`, shared equally by all that have any. */
  wouldExceedShare(tenant: string, n: number, capacity: number): boolean {
    const numTenants = this.#counts.size + (this.#counts.has(tenant) ? 0 : 1);
    return this.#countOf(tenant) + n > capacity / numTenants;
  }

  /** Whether nobody but the tenant has any. */
  isAlone(tenant: string): boolean {
    return this.#counts.size === (this.#counts.has(tenant) ? 1 : 0);
  }

  #countOf(tenant: string): number {
    return this.#counts.get(tenant) ?? 0;
  }
}
