// What the prefix cache can find, as it is known on the socket's side of the engine's thread, and how each of those who
// want to know is told. The engine says what changed, once a step; the mirror keeps the whole, so that a newcomer, or one
// who fell behind, gets a fresh snapshot without the engine's help.
import type { ShortName } from "@sluice/shared/hash-chain.ts";
import type { CacheChanges } from "./kv/cache-journal.ts";

/** However small the cache, a feed may be behind by as many names before it begins anew. */
const LEAST_BACKLOG = 1_024;

/** A part of what changed; parts come in order. */
export interface CacheNews {
  /** 1, 2, 3, … */
  readonly sequenceNumber: number;
  /** Whether all that was told before is void: a snapshot begins, which the parts after this one may go on with. */
  readonly restarts: boolean;
  readonly stored: readonly ShortName[];
  readonly evicted: readonly ShortName[];
}

/** Follows the engine's cache while there are feeds, and only then: while there are none the engine keeps no journal. */
export class CacheMirror {
  readonly #setFollowing: (wanted: boolean) => void;
  readonly #names = new Set<ShortName>();
  readonly #feeds = new Set<CacheFeed>();
  /** Whether the engine's snapshot has come. */
  #isKnown = false;

  /** @param setFollowing tells the engine whether its changes are wanted. */
  constructor(setFollowing: (wanted: boolean) => void) {
    this.#setFollowing = setFollowing;
  }

  /** A feed that begins with a snapshot. It must be closed. */
  open(): CacheFeed {
    const feed = new CacheFeed(this.#names, () => this.#close(feed));
    this.#feeds.add(feed);
    if (this.#feeds.size === 1) this.#setFollowing(true);
    if (this.#isKnown) feed.restart();
    return feed;
  }

  /** Takes in what the engine said. Changes from before its snapshot are of no use. */
  apply(changes: CacheChanges): void {
    if (this.#feeds.size === 0 || !(this.#isKnown || changes.isSnapshot)) return;
    if (changes.isSnapshot) this.#names.clear();
    this.#isKnown = true;
    for (const name of changes.stored) this.#names.add(name);
    for (const name of changes.evicted) this.#names.delete(name);
    for (const feed of this.#feeds) {
      if (changes.isSnapshot) feed.restart();
      else feed.note(changes);
    }
  }

  #close(feed: CacheFeed): void {
    if (!this.#feeds.delete(feed) || this.#feeds.size > 0) return;
    this.#isKnown = false;
    this.#names.clear();
    this.#setFollowing(false);
  }
}

/**
 * What one listener has still to be told. However slowly it listens, this holds at most two snapshots' worth of names: past
 * that it begins anew.
 */
export class CacheFeed {
  readonly #names: ReadonlySet<ShortName>;
  readonly #onClose: () => void;
  // name -> whether it can be found now
  #untold = new Map<ShortName, boolean>();
  #restarts = false;
  #numTold = 0;

  /** @param names the mirror's. */
  constructor(names: ReadonlySet<ShortName>, onClose: () => void) {
    this.#names = names;
    this.#onClose = onClose;
  }

  /** Nothing more is told; closing twice does nothing. */
  close(): void {
    this.#onClose();
  }

  get hasNews(): boolean {
    return this.#restarts || this.#untold.size > 0;
  }

  restart(): void {
    this.#restarts = true;
    this.#untold = new Map();
    for (const name of this.#names) this.#untold.set(name, true);
  }

  note({ stored, evicted }: CacheChanges): void {
    for (const name of stored) this.#untold.set(name, true);
    for (const name of evicted) this.#untold.set(name, false);
    if (this.#untold.size > 2 * Math.max(LEAST_BACKLOG, this.#names.size)) this.restart();
  }

  /** Removes and returns at most `maxNames` names' worth, oldest change first; absent when there is no news. */
  take(maxNames: number): CacheNews | undefined {
    if (!this.hasNews) return undefined;
    const stored: ShortName[] = [];
    const evicted: ShortName[] = [];
    for (const [name, isStored] of this.#untold) {
      if (stored.length + evicted.length >= maxNames) break;
      (isStored ? stored : evicted).push(name);
      this.#untold.delete(name);
    }
    const restarts = this.#restarts;
    this.#restarts = false;
    this.#numTold += 1;
    return { sequenceNumber: this.#numTold, restarts, stored, evicted };
  }
}
