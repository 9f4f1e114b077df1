// Fair shares between tenants: the virtual token counter of Sheng et al., "Fairness in Serving Large Language Models" (OSDI
// 2024). Every tenant has a counter of the work done for it; who has the smallest counter is served next. So of two tenants
// that both wait, neither gets further ahead than about one request's worth of work, however many requests each sends.
//
// Having been away earns nothing: a tenant that comes back is lifted to virtual time, which is where the last one stood that
// was chosen (start-time fair queueing, Goyal et al., SIGCOMM 1996). That is one number to keep, it never goes back, and it
// makes forgetting exact: a counter that virtual time has passed says nothing any more.

/** Cost of one output token; of one computed prompt token it is 1. The paper's weights, which are also what APIs charge. */
export const OUTPUT_TOKEN_COST = 2;

/**
 * How far ahead of its turn a prompt token puts a tenant when the prefix cache holds it: as much as computing it costs, twice.
 * Why a lead at all: engines whose cache is too small for all who wait would serve each tenant once and forget its prefix
 * before its next turn. Why bounded: it is what a tenant can wait longer for than its counter says. Twice is where a longer
 * lead gained no more (docs/decisions/0028-warm-turns.md). Source of the idea: Cao et al., "Locality-aware Fair Scheduling
 * in LLM Serving" (2025).
 */
export const CACHED_TOKEN_LEAD = 2;

/** Tenants that are remembered while nothing of theirs waits. Beyond that those least ahead are forgotten. */
const MAX_ABSENT_TENANTS = 1024;

/** What was done for each tenant, in units of one computed prompt token. */
export class FairShares {
  // tenant -> its counter
  readonly #counters = new Map<string, number>();
  #virtualTime = 0;

  /** Where the tenant stands: lower is served first. */
  counterOf(tenant: string): number {
    return this.#counters.get(tenant) ?? this.#virtualTime;
  }

  /** The tenant, of which nothing waited, has something waiting now. */
  join(tenant: string): void {
    this.#counters.set(tenant, Math.max(this.counterOf(tenant), this.#virtualTime));
  }

  /** A tenant was chosen that stood there; virtual time moves up to it. */
  choose(standing: number): void {
    this.#virtualTime = Math.max(this.#virtualTime, standing);
  }

  charge(tenant: string, cost: number): void {
    this.#counters.set(tenant, this.counterOf(tenant) + cost);
  }

  /** Keeps the memory bounded: forgets tenants of which nothing waits. */
  trim(isWaiting: (tenant: string) => boolean, numWaitingTenants: number): void {
    if (this.#counters.size - numWaitingTenants <= MAX_ABSENT_TENANTS) return;
    const absent = [...this.#counters].filter(([tenant]) => !isWaiting(tenant)).toSorted(([, a], [, b]) => b - a);
    for (const [index, [tenant, counter]] of absent.entries()) {
      if (counter <= this.#virtualTime || index >= MAX_ABSENT_TENANTS / 2) this.#counters.delete(tenant);
    }
  }

  /** Tenants that are remembered. */
  get size(): number {
    return this.#counters.size;
  }
}
