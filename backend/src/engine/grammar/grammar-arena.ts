import type { GrammarId } from "./compiled-grammar.ts";

/** In bytes. */
export interface GrammarArenaLimits {
  /** Of all that lies there. */
  readonly arenaBytes: number;
  /** Of one grammar. So much must be free before one is compiled, since nobody knows how large it gets. */
  readonly maxGrammarBytes: number;
}

/** A grammar's place. */
interface Place {
  readonly key: string;
  readonly id: GrammarId;
  /** From the start of the arena, in bytes. */
  readonly offset: number;
  readonly sizeBytes: number;
  numUsers: number;
}

/** Places begin at multiples of this, as malloc's pieces do. */
const ALIGNMENT = 16;

/**
 * Which compiled grammar lies where in an arena, and which go when room is needed: the least recently used of those that nobody
 * uses.
 *
 * Invariants: places do not overlap and lie within the arena; a grammar that is used keeps its place.
 */
export class GrammarArena {
  readonly #limits: GrammarArenaLimits;
  readonly #onEvict: (id: GrammarId) => void;
  /** key -> its place, in order of use */
  readonly #places = new Map<string, Place>();
  #numIds = 0;

  /** @param onEvict called before a grammar's place is given to another. */
  constructor(limits: GrammarArenaLimits, onEvict: (id: GrammarId) => void) {
    this.#limits = limits;
    this.#onEvict = onEvict;
  }

  get numPlaced(): number {
    return this.#places.size;
  }

  /** Grammars that somebody uses. */
  get numUsed(): number {
    return this.#places.values().reduce((sum, { numUsers }) => sum + Math.min(1, numUsers), 0);
  }

  /** The grammar's id, with one user more; undefined when it has no place. Each use ends with `release`. */
  use(key: string): GrammarId | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    this.#places.delete(key);
    this.#places.set(key, place);
    place.numUsers += 1;
    return place.id;
  }

  release(key: string): void {
    const place = this.#places.get(key);
    if (place === undefined || place.numUsers === 0) throw new Error("nobody uses the grammar");
    place.numUsers -= 1;
  }

  /** Where the next grammar may begin, having made room for the largest; undefined while those in use leave none. */
  findRoom(): number | undefined {
    for (;;) {
      const offset = this.#lowestGap();
      if (offset !== undefined) return offset;
      const unused = this.#places.values().find(({ numUsers }) => numUsers === 0);
      if (unused === undefined) return undefined;
      this.#places.delete(unused.key);
      this.#onEvict(unused.id);
    }
  }

  /**
   * Nobody uses it yet.
   *
   * @param offset as `findRoom` gave it last; nothing was placed since.
   * @param sizeBytes at most the largest that a grammar may have.
   */
  place(key: string, offset: number, sizeBytes: number): GrammarId {
    this.#numIds += 1;
    const id = this.#numIds as GrammarId;
    this.#places.set(key, { key, id, offset, sizeBytes, numUsers: 0 });
    return id;
  }

  /** Of the gaps between places that hold the largest grammar. */
  #lowestGap(): number | undefined {
    const { arenaBytes, maxGrammarBytes } = this.#limits;
    let end = 0;
    for (const place of [...this.#places.values()].toSorted((a, b) => a.offset - b.offset)) {
      if (place.offset - end >= maxGrammarBytes) return end;
      end = Math.ceil((place.offset + place.sizeBytes) / ALIGNMENT) * ALIGNMENT;
    }
    return arenaBytes - end >= maxGrammarBytes ? end : undefined;
  }
}
