// Which free block is handed out next. Attention takes tokens a tile at a time, and works in place where the blocks of a
// sequence's tile have ids side by side. So what is handed out is whole tiles, a block at a time as a sequence grows: the rest of
// the tile is spare, and stays for that sequence until nothing else is free. Then it goes to others, so that no block is lost to the order.
import type { BlockId } from "./block-id.ts";
import { FreedOrder } from "./freed-order.ts";
import { LowestFree } from "./lowest-free.ts";
import type { TileId } from "./tile-id.ts";

const owned = 0;
const blank = 1;
const named = 2;

/**
 * The free blocks of a pool.
 *
 * Invariants:
 * 1. A tile whose blocks are all free is whole: blank when none of them has a name, else idle.
 * 2. A free block of a tile that is not whole is spare.
 */
export class FreeBlocks {
  readonly #numBlocks: number;
  readonly #blocksPerTile: number;
  readonly #blankTiles: LowestFree<TileId>;
  readonly #idleTiles: FreedOrder<TileId>;
  readonly #spare: FreedOrder<BlockId>;
  // blockId -> owned, blank or named
  readonly #states: Uint8Array;
  // tileId -> how many of its blocks are free, and how many of those have a name
  readonly #numFree: Uint32Array;
  readonly #numNamed: Uint32Array;
  #size: number;

  /** Starts with every block free and blank. The last tile may have fewer blocks. */
  constructor(numBlocks: number, blocksPerTile: number) {
    this.#numBlocks = numBlocks;
    this.#blocksPerTile = blocksPerTile;
    const numTiles = Math.ceil(numBlocks / blocksPerTile);
    this.#blankTiles = new LowestFree(numTiles);
    this.#idleTiles = new FreedOrder(numTiles);
    this.#spare = new FreedOrder(numBlocks);
    this.#states = new Uint8Array(numBlocks).fill(blank);
    this.#numFree = Uint32Array.from({ length: numTiles }, (_, tile) => this.#numBlocksOf(tile as TileId));
    this.#numNamed = new Uint32Array(numTiles);
    this.#size = numBlocks;
  }

  get size(): number {
    return this.#size;
  }

  has(id: BlockId): boolean {
    return (this.#states[id] ?? owned) !== owned;
  }

  hasBlankAfter(id: BlockId): boolean {
    const next = this.#nextInTile(id);
    return next !== undefined && this.#states[next] === blank;
  }

  /** The caller answers for the block being owned so far. */
  push(id: BlockId, hasName: boolean): void {
    const tile = this.#tileOf(id);
    this.#states[id] = hasName ? named : blank;
    this.#count(tile, 1, hasName);
    if (!this.#isWhole(tile)) return this.#spare.push(id);
    for (const other of this.#blocksOf(tile)) if (other !== id) this.#spare.remove(other);
    if (this.#numNamed[tile] === 0) this.#blankTiles.push(tile);
    else this.#idleTiles.push(tile);
  }

  /** The caller answers for the block being free and having a name. */
  remove(id: BlockId): void {
    const tile = this.#tileOf(id);
    if (this.#isWhole(tile)) this.#idleTiles.remove(tile);
    this.#leave(id);
  }

  /**
   * The next block of a sequence; absent when none is free.
   *
   * @param before the block before it, where it goes on in that one's tile.
   */
  take(before?: BlockId): BlockId | undefined {
    const id =
      before === undefined
        ? (this.#takeWhole() ?? this.#spare.first)
        : (this.#spareAfter(before) ?? this.#spare.first ?? this.#takeWhole());
    if (id !== undefined) this.#leave(id);
    return id;
  }

  /** The first block of a whole tile: lowest of the blank ones, or the idle one freed longest ago. */
  #takeWhole(): BlockId | undefined {
    const tile = this.#blankTiles.pop() ?? this.#idleTiles.shift();
    return tile === undefined ? undefined : ((tile * this.#blocksPerTile) as BlockId);
  }

  #spareAfter(before: BlockId): BlockId | undefined {
    const next = this.#nextInTile(before);
    return next !== undefined && this.has(next) ? next : undefined;
  }

  /** Absent for a tile's last block. */
  #nextInTile(id: BlockId): BlockId | undefined {
    const next = (id + 1) as BlockId;
    return next % this.#blocksPerTile === 0 ? undefined : next;
  }

  /** Of a whole tile, which is in no list any more, or of the spare ones. */
  #leave(id: BlockId): void {
    const tile = this.#tileOf(id);
    if (this.#isWhole(tile)) for (const other of this.#blocksOf(tile)) this.#spare.push(other);
    this.#spare.remove(id);
    this.#count(tile, -1, this.#states[id] === named);
    this.#states[id] = owned;
  }

  #count(tile: TileId, change: 1 | -1, hasName: boolean): void {
    this.#size += change;
    this.#numFree[tile] = (this.#numFree[tile] ?? 0) + change;
    if (hasName) this.#numNamed[tile] = (this.#numNamed[tile] ?? 0) + change;
  }

  #isWhole(tile: TileId): boolean {
    return this.#numFree[tile] === this.#numBlocksOf(tile);
  }

  #tileOf(id: BlockId): TileId {
    return Math.floor(id / this.#blocksPerTile) as TileId;
  }

  #numBlocksOf(tile: TileId): number {
    return Math.min(this.#blocksPerTile, this.#numBlocks - tile * this.#blocksPerTile);
  }

  *#blocksOf(tile: TileId): Generator<BlockId> {
    const first = tile * this.#blocksPerTile;
    for (let index = 0; index < this.#numBlocksOf(tile); index++) yield (first + index) as BlockId;
  }
}
