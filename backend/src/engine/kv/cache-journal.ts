import type { ShortName } from "@sluice/shared/hash-chain.ts";

/** How the names that a pool can find changed. No name is in both lists. */
export interface CacheChanges {
  /** Whether `stored` is all there is: whatever was known before is void. */
  readonly isSnapshot: boolean;
  readonly stored: readonly ShortName[];
  readonly evicted: readonly ShortName[];
}

/**
 * What became of names since it was last asked, for whoever keeps a copy of them. A name that came and went in between is
 * told as gone. It holds at most as much as happened between two questions.
 */
export class CacheJournal {
  // name -> whether it can be found now
  #changed = new Map<ShortName, boolean>();
  #isSnapshot = true;

  /** @param names all that can be found at this moment. */
  constructor(names: Iterable<ShortName>) {
    for (const name of names) this.#changed.set(name, true);
  }

  noteStored(name: ShortName): void {
    this.#changed.set(name, true);
  }

  noteEvicted(name: ShortName): void {
    this.#changed.set(name, false);
  }

  /** The first time a snapshot; later absent when nothing changed. */
  take(): CacheChanges | undefined {
    const isSnapshot = this.#isSnapshot;
    if (!isSnapshot && this.#changed.size === 0) return undefined;
    const stored: ShortName[] = [];
    const evicted: ShortName[] = [];
    for (const [name, isStored] of this.#changed) (isStored ? stored : evicted).push(name);
    this.#isSnapshot = false;
    this.#changed = new Map();
    return { isSnapshot, stored, evicted };
  }
}
