import type { EmbeddingSpec } from "#engine/executor/executor.ts";

/** Consecutive positions of a sequence. */
interface Chunk {
  readonly start: number;
  readonly numTokens: number;
}

/**
 * One sequence's embedding, pooled from its hidden states chunk by chunk as they are computed. Each position counts once,
 * also when the sequence is preempted and computed again; and in the order of positions, so that the bits do not depend on
 * how the sequence was cut.
 */
export class Pooler {
  readonly #size: number;
  readonly #numTokens: number;
  /** Positions below it need not be seen any more. */
  #nextPosition: number;
  /** Of the hidden states that count. In double precision, so that long sequences lose nothing. */
  readonly #sum: Float64Array;

  /** @param numTokens of the whole sequence; at least 1. */
  constructor({ size, pooling }: EmbeddingSpec, numTokens: number) {
    this.#size = size;
    this.#numTokens = numTokens;
    this.#nextPosition = pooling === "mean" ? 0 : numTokens - 1;
    this.#sum = new Float64Array(size);
  }

  /** Room for the hidden states that are wanted of the chunk, which are those of its last tokens; may be none. */
  rowsFor({ start, numTokens }: Chunk): readonly Float32Array[] {
    const count = Math.max(0, start + numTokens - Math.max(start, this.#nextPosition));
    return Array.from({ length: count }, () => new Float32Array(this.#size));
  }

  /**
   * @param rows what `rowsFor` gave for this chunk, filled.
   * @throws when positions before the chunk were wanted and never seen.
   */
  take(chunk: Chunk, rows: readonly Float32Array[]): void {
    if (rows.length === 0) return;
    if (chunk.start > this.#nextPosition) throw new Error("positions of the sequence were skipped");
    for (const row of rows) {
      for (let index = 0; index < this.#size; index++) this.#sum[index] = (this.#sum[index] ?? 0) + (row[index] ?? 0);
    }
    this.#nextPosition += rows.length;
  }

  /**
   * The embedding's first `numDimensions` numbers, scaled to length 1: with models trained so (Matryoshka; Kusupati et al.
   * 2022, arXiv:2205.13147) a shorter embedding of the same text. Whatever is scaled to length 1 may as well be the sum
   * instead of the mean.
   *
   * @throws when positions that are wanted were not seen.
   */
  finish(numDimensions = this.#size): Float32Array {
    if (this.#nextPosition !== this.#numTokens) throw new Error("the sequence was not computed to its end");
    const kept = this.#sum.subarray(0, numDimensions);
    const length = Math.sqrt(kept.reduce((sum, value) => sum + value * value, 0));
    // A vector of zeros has no direction and stays as it is.
    return Float32Array.from(kept, (value) => value / (length || 1));
  }
}
