import { CACHED_TOKEN_LEAD, FairShares, OUTPUT_TOKEN_COST } from "./fair-shares.ts";
import { compareArrivals, type Sequence } from "./sequence.ts";
import { SequenceQueue } from "./sequence-queue.ts";

/** A tenant's next sequence, and where it stands among those of its priority: lower is first. */
interface Turn {
  readonly sequence: Sequence;
  readonly standing: number;
}

/**
 * The sequences that wait to start, and whose turn it is: priority first; then the tenant for which least was done, less a lead
 * for those whose next prompt is in the cache; then arrival. Which tenant that is changes as tokens are computed, so the
 * order is decided when it is asked for.
 *
 * Invariant: no tenant has an empty queue.
 */
export class WaitingQueue implements Iterable<Sequence> {
  // tenant -> its sequences by priority, then arrival
  readonly #queues = new Map<string, SequenceQueue>();
  readonly #shares = new FairShares();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Whose turn it is; absent when nobody waits. Takes time in the number of tenants. */
  get first(): Sequence | undefined {
    let best: Turn | undefined;
    for (const { first } of this.#queues.values()) {
      if (first === undefined) continue;
      const turn = { sequence: first, standing: this.#standingOf(first) };
      if (best === undefined || compareTurns(turn, best) < 0) best = turn;
    }
    return best?.sequence;
  }

  /** In no particular order. */
  *[Symbol.iterator](): Iterator<Sequence> {
    for (const queue of this.#queues.values()) yield* queue;
  }

  /** Each tenant's sequences, in the order in which they would start. */
  byTenant(): ReadonlyMap<string, Iterable<Sequence>> {
    return this.#queues;
  }

  insert(sequence: Sequence): void {
    const { tenant } = sequence;
    let queue = this.#queues.get(tenant);
    if (queue === undefined) {
      queue = new SequenceQueue(compareArrivals);
      this.#queues.set(tenant, queue);
      this.#shares.join(tenant);
      this.#shares.trim((other) => this.#queues.has(other), this.#queues.size);
    }
    queue.insert(sequence);
    this.#size += 1;
  }

  /** False when the sequence was not waiting. */
  remove(sequence: Sequence): boolean {
    const queue = this.#queues.get(sequence.tenant);
    if (queue === undefined || !queue.remove(sequence)) return false;
    if (queue.size === 0) this.#queues.delete(sequence.tenant);
    this.#size -= 1;
    return true;
  }

  /** Removes the first, whose turn it was, and charges its tenant `numTokens` of prompt that are computed for it. */
  start(first: Sequence, numTokens: number): void {
    this.#shares.choose(this.#standingOf(first));
    this.#shares.charge(first.tenant, numTokens);
    this.remove(first);
  }

  /** Charges the tenant for a token that is sampled for it. */
  chargeOutput(tenant: string): void {
    this.#shares.charge(tenant, OUTPUT_TOKEN_COST);
  }

  #standingOf({ tenant, numTokensInCache }: Sequence): number {
    return this.#shares.counterOf(tenant) - CACHED_TOKEN_LEAD * numTokensInCache;
  }
}

function compareTurns(a: Turn, b: Turn): number {
  return a.sequence.priority - b.sequence.priority || a.standing - b.standing || a.sequence.id - b.sequence.id;
}
