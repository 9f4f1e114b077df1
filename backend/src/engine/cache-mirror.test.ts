import type { ShortName } from "@sluice/shared/hash-chain.ts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CacheFeed, CacheMirror, type CacheNews } from "./cache-mirror.ts";
import { CacheJournal } from "./kv/cache-journal.ts";

/** An engine's cache and its journal, which is kept only while somebody follows. */
class Cache {
  readonly names = new Set<ShortName>();
  journal: CacheJournal | undefined;
  readonly mirror = new CacheMirror((wanted) => {
    this.journal = wanted ? new CacheJournal(this.names) : undefined;
  });

  store(name: ShortName): void {
    this.names.add(name);
    this.journal?.noteStored(name);
  }

  evict(name: ShortName): void {
    if (this.names.delete(name)) this.journal?.noteEvicted(name);
  }

  report(): void {
    const changes = this.journal?.take();
    if (changes !== undefined) this.mirror.apply(changes);
  }
}

/** What one listener believes. */
class Listener {
  readonly believed = new Set<ShortName>();
  readonly feed: CacheFeed;
  lastNumber = 0;

  constructor(mirror: CacheMirror) {
    this.feed = mirror.open();
  }

  hear(maxNames: number): CacheNews | undefined {
    const news = this.feed.take(maxNames);
    if (news === undefined) return undefined;
    if (news.sequenceNumber !== this.lastNumber + 1) throw new Error(`${news.sequenceNumber} after ${this.lastNumber}`);
    if (news.stored.length + news.evicted.length > maxNames) throw new Error("more names than asked for");
    this.lastNumber = news.sequenceNumber;
    if (news.restarts) this.believed.clear();
    for (const name of news.stored) this.believed.add(name);
    for (const name of news.evicted) this.believed.delete(name);
    return news;
  }
}

function name(number: number): ShortName {
  return String(number).padStart(8, "0") as ShortName;
}

describe("what a listener is told", () => {
  test("is in the end what the cache has, whenever it came and however slowly it listens", () => {
    const number = fc.nat(40);
    const command = fc.oneof(
      fc.record({ kind: fc.constant("store" as const), number }),
      fc.record({ kind: fc.constant("evict" as const), number }),
      fc.record({ kind: fc.constant("report" as const), number }),
      fc.record({ kind: fc.constant("open" as const), number }),
      fc.record({ kind: fc.constant("close" as const), number }),
      fc.record({ kind: fc.constant("hear" as const), number }),
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 200 }), (commands) => {
        const cache = new Cache();
        const listeners: Listener[] = [];
        for (const { kind, number: given } of commands) {
          const listener = listeners[given % Math.max(1, listeners.length)];
          if (kind === "store") cache.store(name(given));
          if (kind === "evict") cache.evict(name(given));
          if (kind === "report") cache.report();
          if (kind === "open") listeners.push(new Listener(cache.mirror));
          if (kind === "hear") listener?.hear(1 + (given % 5));
          if (kind === "close")
            listeners
              .splice(
                listeners.findIndex((each) => each === listener),
                1,
              )[0]
              ?.feed.close();
        }
        cache.report();
        for (const listener of listeners) {
          while (listener.hear(7) !== undefined);
          expect(listener.believed).toEqual(cache.names);
        }
      }),
    );
  });

  test("begins with a snapshot, also of an empty cache", () => {
    const cache = new Cache();
    const { feed } = new Listener(cache.mirror);
    expect(feed.take(10)).toBeUndefined();
    cache.report();
    expect(feed.take(10)).toEqual({ sequenceNumber: 1, restarts: true, stored: [], evicted: [] });
    expect(feed.take(10)).toBeUndefined();
  });

  test("of a snapshot in parts, only the first voids what was told before", () => {
    const cache = new Cache();
    for (let number = 0; number < 25; number += 1) cache.store(name(number));
    const listener = new Listener(cache.mirror);
    cache.report();
    expect([listener.hear(10), listener.hear(10), listener.hear(10)].map((news) => news?.restarts)).toEqual([
      true,
      false,
      false,
    ]);
    expect(listener.believed.size).toBe(25);
  });

  test("who never listens costs at most two snapshots, and is then told anew", () => {
    const cache = new Cache();
    const listener = new Listener(cache.mirror);
    cache.report();
    listener.hear(1);
    for (let number = 0; number < 10_000; number += 1) {
      cache.store(name(number));
      cache.evict(name(number - 100));
      cache.report();
    }
    let numNames = 0;
    let numRestarts = 0;
    for (let news = listener.hear(500); news !== undefined; news = listener.hear(500)) {
      numNames += news.stored.length + news.evicted.length;
      numRestarts += Number(news.restarts);
    }
    expect(numNames).toBeLessThanOrEqual(2 * 1_024);
    expect(numRestarts).toBe(1);
    expect(listener.believed).toEqual(cache.names);
  });

  test("while nobody listens the engine keeps no journal", () => {
    const cache = new Cache();
    cache.store(name(1));
    expect(cache.journal).toBeUndefined();
    const [one, other] = [new Listener(cache.mirror), new Listener(cache.mirror)];
    one.feed.close();
    one.feed.close();
    expect(cache.journal).toBeDefined();
    other.feed.close();
    expect(cache.journal).toBeUndefined();
  });
});
