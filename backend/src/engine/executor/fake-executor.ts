import type { BlockId } from "#engine/kv/block-id.ts";
import type { Executor, ExecutorSpec, ScheduledSequence } from "./executor.ts";

/**
 * A model for tests whose every logit and hidden number is a hash of the whole token history *as its pool stores it*: a wrong block table,
 * a block given to two sequences, or a token computed twice gives other tokens. Deterministic, exact, and independent
 * of the batch, like the real ones.
 *
 * `beforeStep` runs first in every step; a test may wait in it, look at the batch, or throw.
 */
export class FakeExecutor implements Executor {
  readonly spec: ExecutorSpec;
  readonly #beforeStep: (batch: readonly ScheduledSequence[]) => Promise<void> | void;
  /** slot -> token id; the pool's memory. */
  readonly #pool: Int32Array;

  constructor(
    spec: Partial<ExecutorSpec> = {},
    beforeStep: (batch: readonly ScheduledSequence[]) => Promise<void> | void = () => {},
  ) {
    const embedding = { size: 6, pooling: "last" } as const;
    this.spec = {
      vocabSize: 97,
      maxModelLen: 4096,
      blockSize: 4,
      tileSize: spec.blockSize ?? 4,
      numBlocks: 64,
      embedding,
      ...spec,
    };
    this.#beforeStep = beforeStep;
    this.#pool = new Int32Array(this.spec.numBlocks * this.spec.blockSize).fill(-1);
  }

  async execute(batch: readonly ScheduledSequence[]): Promise<Float32Array> {
    await this.#beforeStep(batch);
    this.#refuseSharedWrites(batch);
    for (const sequence of batch) {
      sequence.tokenIds.forEach((tokenId, index) => {
        this.#pool[this.#slotOf(sequence.blockTable, sequence.numComputedTokens + index)] = tokenId;
      });
    }
    for (const sequence of batch) this.#fillHiddenStates(sequence);
    const histories = batch.flatMap((sequence) => this.#hashHistories(sequence));
    const logits = new Float32Array(histories.length * this.spec.vocabSize);
    histories.forEach((history, row) => this.#fillLogits(logits, row, history));
    return logits;
  }

  async close(): Promise<void> {}

  #fillLogits(logits: Float32Array, row: number, history: number): void {
    const { vocabSize } = this.spec;
    for (let id = 0; id < vocabSize; id += 1) logits[row * vocabSize + id] = mix(history, id) / 2 ** 30;
  }

  #fillHiddenStates(sequence: ScheduledSequence): void {
    const { hiddenStates = [] } = sequence;
    const histories = this.#hashHistories({ ...sequence, numLogits: hiddenStates.length });
    for (const [row, target] of hiddenStates.entries()) {
      target.forEach((_, index) => (target[index] = mix(histories[row] ?? 0, index) / 2 ** 31 - 1));
    }
  }

  /** Reads back every position up to the newest, through the block table; one hash for each position with wanted logits. */
  #hashHistories({ blockTable, numComputedTokens, tokenIds, numLogits }: ScheduledSequence): number[] {
    const hashes: number[] = [];
    const end = numComputedTokens + tokenIds.length;
    let hash = 0;
    for (let position = 0; position < end; position += 1) {
      hash = mix(hash, this.#pool[this.#slotOf(blockTable, position)] ?? -1);
      if (position >= end - numLogits) hashes.push(hash);
    }
    return hashes;
  }

  #slotOf(blockTable: readonly BlockId[], position: number): number {
    const { blockSize } = this.spec;
    const block = blockTable[Math.floor(position / blockSize)];
    if (block === undefined) throw new Error(`position ${position} has no block`);
    return block * blockSize + (position % blockSize);
  }

  #refuseSharedWrites(batch: readonly ScheduledSequence[]): void {
    const written = new Set<number>();
    for (const { blockTable, numComputedTokens, tokenIds } of batch) {
      for (let index = 0; index < tokenIds.length; index += 1) {
        const slot = this.#slotOf(blockTable, numComputedTokens + index);
        if (written.has(slot)) throw new Error(`slot ${slot} is written twice in one step`);
        written.add(slot);
      }
    }
  }
}

/** A uint32 from two; MurmurHash3's finalizer over their combination. */
function mix(a: number, b: number): number {
  let hash = Math.imul(a ^ Math.imul(b + 1, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
