// The KV pool's memory: one array that the graph reads in place and only JavaScript writes. It is zeroed at birth and takes
// finite numbers only, since a masked NaN would still spoil what it is multiplied with (0 * NaN).
import type { BlockId } from "#engine/kv/block-id.ts";

export interface KvPoolShape {
  readonly numLayers: number;
  readonly numBlocks: number;
  readonly numKvHeads: number;
  readonly blockSize: number;
  /** Even. */
  readonly headDim: number;
}

/** Where a token's K/V rows lie: a block, and the token's place in it. */
export interface KvSlot {
  readonly block: BlockId;
  readonly offset: number;
}

export class KvPool {
  /** [2 * numLayers, numBlocks, numKvHeads, blockSize, headDim]: K, then V of each layer in turn. */
  readonly data: Float32Array<ArrayBuffer>;
  /** The same memory, two numbers at a time. */
  readonly #pairs: Float64Array<ArrayBuffer>;
  readonly #shape: KvPoolShape;
  readonly #blockLength: number;

  constructor(shape: KvPoolShape) {
    this.#shape = shape;
    this.#blockLength = shape.numKvHeads * shape.blockSize * shape.headDim;
    this.data = new Float32Array(2 * shape.numLayers * shape.numBlocks * this.#blockLength);
    this.#pairs = new Float64Array(this.data.buffer);
  }

  /** Blocks in `data`, all layers' keys and values counted. */
  get numBlocksOfAllLayers(): number {
    return 2 * this.#shape.numLayers * this.#shape.numBlocks;
  }

  /** Where in `data`, counted in blocks, a layer's part of `block` lies. */
  blockIndexes(layer: number, block: number): { readonly keys: number; readonly values: number } {
    const keys = 2 * layer * this.#shape.numBlocks + block;
    return { keys, values: keys + this.#shape.numBlocks };
  }

  /** The memory of `count` consecutive blocks, starting with the one at `index` of `data`. */
  view(index: number, count: number): Float32Array<ArrayBuffer> {
    return this.data.subarray(index * this.#blockLength, (index + count) * this.#blockLength);
  }

  /** Two blocks change places, in all layers. */
  swap(a: number, b: number): void {
    for (let part = 0; part < this.numBlocksOfAllLayers; part += this.#shape.numBlocks) {
      const kept = this.view(part + a, 1).slice();
      this.view(part + a, 1).set(this.view(part + b, 1));
      this.view(part + b, 1).set(kept);
    }
  }

  /**
   * Copies rows of `newKeyValues` [2 * numLayers, numRows, numKvHeads, headDim] to their slots; slots[i] is row i's. Two numbers
   * at a time, which is safe for finite ones: no two of those make a double that is not a number, and could lose bits.
   */
  store(newKeyValues: Float32Array, numRows: number, slots: readonly KvSlot[]): void {
    const { numLayers, numBlocks, numKvHeads, blockSize } = this.#shape;
    const headPairs = this.#shape.headDim / 2;
    const newPairs = new Float64Array(newKeyValues.buffer, newKeyValues.byteOffset, newKeyValues.length / 2);
    for (let part = 0; part < 2 * numLayers; part++) {
      for (const [row, { block, offset }] of slots.entries()) {
        let source = (part * numRows + row) * numKvHeads * headPairs;
        let target = ((part * numBlocks + block) * numKvHeads * blockSize + offset) * headPairs;
        for (let head = 0; head < numKvHeads; head++) {
          copyNumbers(newPairs, source, this.#pairs, target, headPairs);
          source += headPairs;
          target += blockSize * headPairs;
        }
      }
    }
  }
}

/** A loop of its own, not `set` of a subarray: for the few numbers of a head the call and the view cost more than the copy. */
function copyNumbers(source: Float64Array, from: number, target: Float64Array, to: number, count: number): void {
  for (let i = 0; i < count; i++) target[to + i] = source[from + i] ?? 0;
}
