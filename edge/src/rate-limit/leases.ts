// What is under way. A lease is a reservation with a deadline: whoever took it says how it ended, and if nobody does by
// the deadline it ends by itself, charged as reserved.
//
// Storage is written ahead (see meter.ts): it may tell of more leases than there are, never of fewer. A gate that wakes up
// without its memory therefore knows some by name and of others, the phantoms, only that they may exist. A settlement of
// somebody unknown is one phantom less; those that nobody settles end at the deadline.
import * as z from "zod/mini";

const leaseSchema = z.object({
  requestId: z.string(),
  model: z.string(),
  /** Tokens charged for it. */
  tokens: z.int(),
  chargedAtMs: z.int(),
  deadlineMs: z.int(),
});

export type Lease = Readonly<z.infer<typeof leaseSchema>>;

export const storedLeasesSchema = z.object({
  leases: z.readonly(z.array(leaseSchema)),
  /** Present when it was written ahead: how many others may have begun, phantoms and those since the write. */
  numSpare: z.optional(z.int()),
  /** Present when there were some and nothing was written ahead. */
  phantoms: z.optional(z.object({ count: z.int(), deadlineMs: z.int() })),
  /** Longest life of a lease. */
  leaseMs: z.int(),
});

export type StoredLeases = Readonly<z.infer<typeof storedLeasesSchema>>;

/** Share of those under way that is written ahead. */
const aheadShare = 1 / 4;

export class Leases {
  /** requestId -> lease. All live equally long, so insertion order is deadline order. */
  readonly #leases = new Map<string, Lease>();
  readonly #leaseMs: number;
  #numPhantoms = 0;
  #phantomDeadlineMs = 0;
  /** Those whose own deadline has come, until somebody takes them. */
  #orphans: Lease[] = [];
  /** Requests that were orphans when they were restored, and hold their places for others. */
  readonly #restoredOrphans = new Set<string>();
  /** How many may be under way before storage must hear of another. */
  #numCovered = 0;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /**
   * What storage tells. When it was written ahead, those it names may have ended and others begun in their places, so that
   * nobody's deadline is known: all get the longest. Those it names whose own deadline is over are orphans at once.
   */
  static restore({ leases, numSpare, phantoms, leaseMs }: StoredLeases, nowMs: number): Leases {
    const restored = new Leases(leaseMs);
    const latestMs = nowMs + leaseMs;
    for (const lease of leases) {
      if (numSpare !== undefined && lease.deadlineMs <= nowMs) {
        restored.#orphans.push(lease);
        restored.#restoredOrphans.add(lease.requestId);
      }
      restored.#leases.set(lease.requestId, numSpare === undefined ? lease : { ...lease, deadlineMs: latestMs });
    }
    restored.#numPhantoms = numSpare ?? phantoms?.count ?? 0;
    restored.#phantomDeadlineMs = phantoms?.deadlineMs ?? latestMs;
    return restored;
  }

  get count(): number {
    return this.#leases.size + this.#numPhantoms;
  }

  /** Ends those whose deadline has come, and returns them. */
  expire(nowMs: number): readonly Lease[] {
    if (this.#phantomDeadlineMs <= nowMs) this.#numPhantoms = 0;
    const expired: Lease[] = [];
    for (const lease of this.#leases.values()) {
      if (lease.deadlineMs > nowMs) break;
      expired.push(lease);
      if (!this.#restoredOrphans.delete(lease.requestId)) this.#orphans.push(lease);
      this.#leases.delete(lease.requestId);
    }
    return expired;
  }

  /** Those whose deadline came before anybody said how they ended, each for the first who asks. */
  takeOrphans(): readonly Lease[] {
    if (this.#orphans.length === 0) return this.#orphans;
    const orphans = this.#orphans;
    this.#orphans = [];
    return orphans;
  }

  /** A phantom may be of any model, and counts for each. */
  countOf(model: string): number {
    let count = this.#numPhantoms;
    for (const lease of this.#leases.values()) if (lease.model === model) count += 1;
    return count;
  }

  /** For how long each is under way; of phantoms nobody knows. */
  agesMs(nowMs: number): readonly number[] {
    const agesMs: number[] = [];
    for (const { chargedAtMs } of this.#leases.values()) agesMs.push(nowMs - chargedAtMs);
    return agesMs;
  }

  /** Milliseconds by which so many have ended, of `model` if that is given. Looks at no more of them than it must: the refused ask. */
  untilEndedMs(numEnded: number, model: string | undefined, nowMs: number): number {
    let numLeft = numEnded;
    let numPhantoms = this.#numPhantoms;
    for (const { deadlineMs, model: ofLease } of this.#leases.values()) {
      if (this.#phantomDeadlineMs <= deadlineMs) {
        numLeft -= numPhantoms;
        numPhantoms = 0;
        if (numLeft <= 0) return this.#phantomDeadlineMs - nowMs;
      }
      if (model !== undefined && ofLease !== model) continue;
      numLeft -= 1;
      if (numLeft === 0) return deadlineMs - nowMs;
    }
    return numPhantoms >= numLeft ? this.#phantomDeadlineMs - nowMs : 0;
  }

  begin(requestId: string, model: string, tokens: number, nowMs: number): void {
    this.#leases.set(requestId, { requestId, model, tokens, chargedAtMs: nowMs, deadlineMs: nowMs + this.#leaseMs });
  }

  /** Absent when it ended before. */
  get(requestId: string): Lease | undefined {
    return this.#leases.get(requestId);
  }

  /** Notes that more tokens were charged for it. */
  raise(lease: Lease, tokens: number): void {
    this.#leases.set(lease.requestId, { ...lease, tokens });
  }

  /** The lease that ended; absent for a phantom's, and for one that ended before. */
  end(requestId: string): Lease | undefined {
    const lease = this.#leases.get(requestId);
    if (lease === undefined) this.#numPhantoms = Math.max(0, this.#numPhantoms - 1);
    this.#leases.delete(requestId);
    return lease;
  }

  isCovered(): boolean {
    return this.count <= this.#numCovered;
  }

  /** What to write. With `ahead` some more may begin before the next write; without, none. */
  toStored(ahead: boolean): StoredLeases {
    const leases = [...this.#leases.values()];
    const known = { leases, leaseMs: this.#leaseMs };
    const count = this.#numPhantoms;
    if (ahead) {
      const numSpare = count + Math.ceil(this.count * aheadShare);
      this.#numCovered = leases.length + numSpare;
      return { ...known, numSpare };
    }
    this.#numCovered = 0;
    return count === 0 ? known : { ...known, phantoms: { count, deadlineMs: this.#phantomDeadlineMs } };
  }
}
