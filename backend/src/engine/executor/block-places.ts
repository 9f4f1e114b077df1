// Where each block's keys and values lie. Attention works in place on one stretch of the pool's tiles (in-place-range.ts), and
// only where a sequence's blocks lie as a tile does; but who hands out blocks follows their age, so that the prefix cache keeps what is
// used, and hands out single ones when no tile is whole: once the pool is full, a step's blocks lie anywhere. So the executor keeps a
// place for each block and moves what decodes together, a few blocks at a time: a move is paid once, a copy in each step. The blocks'
// ids, and the bits of the result, are the same.
import type { BlockId } from "#engine/kv/block-id.ts";
import { findTile } from "./find-tile.ts";

/** Two places whose contents change places. */
export type Swap = readonly [number, number];

/** Of a step's blocks, one in so many moves, but a tile's at least, so that no step takes much longer than its like. */
const blocksPerMove = 8;

export class BlockPlaces {
  readonly #blocksPerTile: number;
  // block -> its place, and back
  readonly #placeOf: Int32Array;
  readonly #blockAt: Int32Array;
  // place -> 1 when this step's decodes need what is there, and it lies as a tile
  readonly #settled: Uint8Array;
  // tile -> the same
  readonly #needed: Uint8Array;

  /** At first each block lies at its own number. */
  constructor(numTiles: number, blocksPerTile: number) {
    this.#blocksPerTile = blocksPerTile;
    this.#placeOf = Int32Array.from({ length: numTiles * blocksPerTile }, (_, block) => block);
    this.#blockAt = this.#placeOf.slice();
    this.#settled = new Uint8Array(this.#placeOf.length);
    this.#needed = new Uint8Array(numTiles);
  }

  /** The table as places. */
  placesOf(blockTable: readonly BlockId[]): BlockId[] {
    return blockTable.map((block) => this.#placeOf[block] as BlockId);
  }

  /**
   * Brings blocks closer together; the caller carries out the moves, in their order, before it asks for a place.
   *
   * @param tables the decoding sequences' computed blocks, in position order.
   */
  moveTogether(tables: readonly (readonly BlockId[])[]): readonly Swap[] {
    const { scattered, numNeeded } = this.#survey(tables);
    const mostTiles = Math.ceil(numNeeded / (blocksPerMove * this.#blocksPerTile));
    const swaps: Swap[] = [];
    for (const blocks of scattered) {
      if (swaps.length + blocks.length <= mostTiles * this.#blocksPerTile) this.#settle(blocks, swaps);
    }
    // Tiles that were just put together may lie anywhere: they move in later steps.
    if (swaps.length === 0) this.#moveTiles(mostTiles, swaps);
    return swaps;
  }

  /** Marks the tiles that lie as such, and returns the others: each once, as its blocks in order. */
  #survey(tables: readonly (readonly BlockId[])[]) {
    this.#settled.fill(0);
    this.#needed.fill(0);
    let numNeeded = 0;
    // places -> the blocks there
    const scattered = new Map<string, readonly BlockId[]>();
    for (const table of tables) {
      for (let first = 0; first < table.length; first += this.#blocksPerTile) {
        const blocks = table.slice(first, first + this.#blocksPerTile);
        const places = this.placesOf(blocks);
        const tile = findTile(places, this.#blocksPerTile);
        if (tile === undefined) scattered.set(places.join(), blocks);
        else numNeeded += this.#mark(tile, blocks.length);
      }
    }
    for (const blocks of scattered.values()) numNeeded += blocks.length;
    return { scattered: scattered.values(), numNeeded };
  }

  /** Returns how many places were not marked before. */
  #mark(tile: number, numBlocks: number): number {
    this.#needed[tile] = 1;
    const first = tile * this.#blocksPerTile;
    let numNew = 0;
    for (let place = first; place < first + numBlocks; place++) {
      if (this.#settled[place] === 0) numNew++;
      this.#settled[place] = 1;
    }
    return numNew;
  }

  /** Puts a tile together where no other is disturbed; leaves it as it is when there is no such place. */
  #settle(blocks: readonly BlockId[], swaps: Swap[]): void {
    const tile = this.#findRoom(blocks);
    if (tile === undefined) return;
    for (const [index, block] of blocks.entries()) {
      const place = tile * this.#blocksPerTile + index;
      const from = this.#placeOf[block] ?? 0;
      if (from === place) continue;
      this.#swap(from, place);
      swaps.push([from, place]);
    }
    this.#mark(tile, blocks.length);
  }

  #findRoom(blocks: readonly BlockId[]): number | undefined {
    const own = Math.floor((this.#placeOf[blocks[0] ?? 0] ?? 0) / this.#blocksPerTile);
    if (this.#hasRoom(own, blocks.length)) return own;
    const found = this.#needed.findIndex((_, tile) => this.#hasRoom(tile, blocks.length));
    return found < 0 ? undefined : found;
  }

  #hasRoom(tile: number, numBlocks: number): boolean {
    const first = tile * this.#blocksPerTile;
    return !this.#settled.subarray(first, first + numBlocks).includes(1);
  }

  /** Moves whole tiles, at most so many, into the stretch that has most of what is needed. */
  #moveTiles(most: number, swaps: Swap[]): void {
    const length = this.#needed.reduce((sum, isNeeded) => sum + isNeeded, 0);
    const first = this.#densestStretch(length);
    let free = first;
    let numMoved = 0;
    for (let tile = 0; tile < this.#needed.length && numMoved < most; tile++) {
      if (tile === first) tile += length;
      if (this.#needed[tile] !== 1) continue;
      // As many tiles of the stretch are free as needed ones lie outside it.
      while (this.#needed[free] === 1) free++;
      for (let index = 0; index < this.#blocksPerTile; index++) {
        const [from, to] = [tile * this.#blocksPerTile + index, free * this.#blocksPerTile + index];
        this.#swap(from, to);
        swaps.push([from, to]);
      }
      free++;
      numMoved++;
    }
  }

  /** Where the `length` consecutive tiles begin that hold most of what is needed: the first of equals. */
  #densestStretch(length: number): number {
    let held = 0;
    let most = -1;
    let best = 0;
    for (let end = 0; end < this.#needed.length; end++) {
      held += this.#needed[end] ?? 0;
      if (end >= length) held -= this.#needed[end - length] ?? 0;
      if (end >= length - 1 && held > most) {
        most = held;
        best = end - length + 1;
      }
    }
    return best;
  }

  #swap(a: number, b: number): void {
    const blockAtA = this.#blockAt[a] ?? 0;
    const blockAtB = this.#blockAt[b] ?? 0;
    this.#blockAt[a] = blockAtB;
    this.#blockAt[b] = blockAtA;
    this.#placeOf[blockAtA] = b;
    this.#placeOf[blockAtB] = a;
  }
}
