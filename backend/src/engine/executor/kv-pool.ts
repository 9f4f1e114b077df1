// The KV pool's memory: one array that the graph reads in place and only JavaScript writes. It is zeroed at birth and takes
// finite numbers only, since a masked NaN would still spoil what it is multiplied with (0 * NaN).
//
// Block `b` is a part of tile `floor(b / blocksPerTile)`, and each head of a tile lies together: so the blocks of a tile are one
// operand of a product, whoever they belong to.
import type { BlockId } from "#engine/kv/block-id.ts";

export interface KvPoolShape {
  readonly numLayers: number;
  /** Rounded up to whole tiles. */
  readonly numBlocks: number;
  readonly numKvHeads: number;
  readonly blockSize: number;
  /** A multiple of blockSize. */
  readonly tileSize: number;
  /** Even. */
  readonly headDim: number;
}

/** Where a token's K/V rows lie: a block, and the token's place in it. */
export interface KvSlot {
  readonly block: BlockId;
  readonly offset: number;
}

export class KvPool {
  /** [2 * numLayers, numTiles, numKvHeads, tileSize, headDim]: K, then V of each layer in turn. */
  readonly data: Float32Array<ArrayBuffer>;
  readonly numTiles: number;
  readonly blocksPerTile: number;
  /** The same memory, two numbers at a time. */
  readonly #pairs: Float64Array<ArrayBuffer>;
  readonly #shape: KvPoolShape;
  readonly #tileLength: number;

  constructor(shape: KvPoolShape) {
    this.#shape = shape;
    this.blocksPerTile = shape.tileSize / shape.blockSize;
    this.numTiles = Math.ceil(shape.numBlocks / this.blocksPerTile);
    this.#tileLength = shape.numKvHeads * shape.tileSize * shape.headDim;
    this.data = new Float32Array(2 * shape.numLayers * this.numTiles * this.#tileLength);
    this.#pairs = new Float64Array(this.data.buffer);
  }

  /** Rows that `data` has as [numRows, blockSize, headDim]: each is one head of a block, in one layer's keys or values. */
  get numRows(): number {
    return 2 * this.#shape.numLayers * this.numTiles * this.#shape.numKvHeads * this.blocksPerTile;
  }

  /** Which of those rows is `kvHead` of `block`. @param part 2 * layer for keys, 2 * layer + 1 for values */
  rowOf(part: number, block: number, kvHead: number): number {
    const tile = Math.floor(block / this.blocksPerTile);
    const head = (part * this.numTiles + tile) * this.#shape.numKvHeads + kvHead;
    return head * this.blocksPerTile + (block % this.blocksPerTile);
  }

  /** The memory of `count` consecutive tiles from `first` on. @param part as for `rowOf` */
  view(part: number, first: number, count: number): Float32Array<ArrayBuffer> {
    const from = part * this.numTiles + first;
    return this.data.subarray(from * this.#tileLength, (from + count) * this.#tileLength);
  }

  /** Two blocks change places, in all layers. */
  swap(a: number, b: number): void {
    const { numLayers, numKvHeads } = this.#shape;
    for (let part = 0; part < 2 * numLayers; part++) {
      for (let kvHead = 0; kvHead < numKvHeads; kvHead++) {
        const [rowA, rowB] = [this.#row(part, a, kvHead), this.#row(part, b, kvHead)];
        const kept = rowA.slice();
        rowA.set(rowB);
        rowB.set(kept);
      }
    }
  }

  /**
   * Copies rows of `newKeyValues` [2 * numLayers, numRows, numKvHeads, headDim] to their slots; slots[i] is row i's. Two numbers
   * at a time, which is safe for finite ones: no two of those make a double that is not a number, and could lose bits.
   */
  store(newKeyValues: Float32Array, numRows: number, slots: readonly KvSlot[]): void {
    const { numLayers, numKvHeads, tileSize } = this.#shape;
    const headPairs = this.#shape.headDim / 2;
    const newPairs = new Float64Array(newKeyValues.buffer, newKeyValues.byteOffset, newKeyValues.length / 2);
    const targets = slots.map((slot) => this.#offsetInPart(slot) / 2);
    for (let part = 0; part < 2 * numLayers; part++) {
      const start = (part * this.numTiles * this.#tileLength) / 2;
      for (const [row, offset] of targets.entries()) {
        let source = (part * numRows + row) * numKvHeads * headPairs;
        let target = start + offset;
        for (let head = 0; head < numKvHeads; head++) {
          copyNumbers(newPairs, source, this.#pairs, target, headPairs);
          source += headPairs;
          target += tileSize * headPairs;
        }
      }
    }
  }

  #row(part: number, block: number, kvHead: number): Float32Array<ArrayBuffer> {
    const length = this.#shape.blockSize * this.#shape.headDim;
    const start = this.rowOf(part, block, kvHead) * length;
    return this.data.subarray(start, start + length);
  }

  /** Of the token's first head, in numbers. */
  #offsetInPart({ block, offset }: KvSlot): number {
    const { blockSize, headDim } = this.#shape;
    return (this.rowOf(0, block, 0) * blockSize + offset) * headDim;
  }
}

/** A loop of its own, not `set` of a subarray: for the few numbers of a head the call and the view cost more than the copy. */
function copyNumbers(source: Float64Array, from: number, target: Float64Array, to: number, count: number): void {
  for (let i = 0; i < count; i++) target[to + i] = source[from + i] ?? 0;
}
