import type { CacheEvents } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { SHORT_NAME_BYTES, type ShortName } from "@sluice/shared/hash-chain.ts";

/** How many blocks of prompts under way are taken for held, per engine. */
const maxExpected = 8_192;
/** A prompt whose blocks were not heard of after so long was left before it was computed, or found no room. */
const expectationMs = 30_000;

/**
 * Which blocks one engine's prefix cache holds, as far as is known: what it told, and the prompts that were sent to it and
 * are not told yet, so that requests that come together with the same prefix go the same way. It is a guess to route by,
 * bounded, and wrong at worst about time.
 */
export class HeldBlocks {
  readonly #maxTold: number;
  readonly #told = new Set<ShortName>();
  // name -> since when it is expected, oldest first
  readonly #expected = new Map<ShortName, number>();
  #lastNumber = 0;

  /** @param maxTold names beyond it are not remembered. */
  constructor(maxTold: number) {
    this.#maxTold = maxTold;
  }

  get numTold(): number {
    return this.#told.size;
  }

  /** A Watch begins: nothing is known until its snapshot. */
  begin(): void {
    this.#told.clear();
    this.#expected.clear();
    this.#lastNumber = 0;
  }

  /** False when events were missed: nothing is then known any more, and only a new Watch helps. */
  apply(events: CacheEvents): boolean {
    if (events.sequenceNumber !== this.#lastNumber + 1) {
      this.begin();
      return false;
    }
    this.#lastNumber = events.sequenceNumber;
    if (events.restarts) this.#told.clear();
    for (const name of namesIn(events.evicted)) {
      this.#told.delete(name);
      this.#expected.delete(name);
    }
    for (const name of namesIn(events.stored)) {
      if (this.#told.size < this.#maxTold) this.#told.add(name);
      this.#expected.delete(name);
    }
    return true;
  }

  /** A prompt with these blocks was sent to the engine. */
  expect(names: readonly ShortName[], nowMs: number): void {
    for (const name of names) {
      if (this.#told.has(name)) continue;
      this.#expected.delete(name);
      this.#expected.set(name, nowMs);
    }
    for (const name of this.#expected.keys()) {
      if (this.#expected.size <= maxExpected) break;
      this.#expected.delete(name);
    }
  }

  /** The prompt will not be computed. */
  unexpect(names: readonly ShortName[]): void {
    for (const name of names) this.#expected.delete(name);
  }

  has(name: ShortName, nowMs: number): boolean {
    if (this.#told.has(name)) return true;
    const sinceMs = this.#expected.get(name);
    return sinceMs !== undefined && nowMs - sinceMs < expectationMs;
  }
}

function* namesIn(bytes: Uint8Array): Iterable<ShortName> {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
  for (let start = 0; start + SHORT_NAME_BYTES <= text.length; start += SHORT_NAME_BYTES) {
    yield text.slice(start, start + SHORT_NAME_BYTES) as ShortName;
  }
}
