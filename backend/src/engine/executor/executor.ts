// One step of the model, whatever runs it. The executor knows tensors and the KV pool's memory; it knows no queues,
// no requests and no sampling.
import type { Pooling } from "#engine/graph/pooling.ts";
import type { Candidates } from "#engine/sampling/candidates.ts";
import type { BlockId } from "#engine/kv/block-id.ts";

/** Fixed facts of a loaded model and its pool. */
export interface ExecutorSpec {
  readonly vocabSize: number;
  /** Longest sequence, prompt and output together, in tokens. */
  readonly maxModelLen: number;
  /** Tokens a KV block holds. */
  readonly blockSize: number;
  /**
   * Tokens that attention takes together, a multiple of blockSize. The blocks of a tile are best neighbours: with ids that
   * follow each other from a multiple of as many on.
   */
  readonly tileSize: number;
  readonly numBlocks: number;
  /** How its hidden states become embeddings; absent when the executor gives no hidden states. */
  readonly embedding?: EmbeddingSpec;
  /** How many of a row's likeliest tokens the executor can give in place of its logits; absent when it cannot. */
  readonly numCandidates?: number;
}

export interface EmbeddingSpec {
  /** Numbers of a hidden state, and so of an embedding. */
  readonly size: number;
  readonly pooling: Pooling;
}

/** One sequence's share of a step: the tokens to compute now, after those whose K/V already lie in its blocks. */
export interface ScheduledSequence {
  /** Tokens to compute, at positions numComputedTokens, numComputedTokens + 1, …; at least one. */
  readonly tokenIds: readonly number[];
  readonly numComputedTokens: number;
  /** Blocks in position order; covers numComputedTokens + tokenIds.length positions. Blocks past that are not read. */
  readonly blockTable: readonly BlockId[];
  /** Of how many of the last tokens the logits are wanted; 0 to tokenIds.length. */
  readonly numLogits: number;
  /**
   * Filled with the hidden states of as many of the last tokens, in their order, each `[embedding.size]`, as the last norm
   * left them. Absent: none are wanted.
   */
  readonly hiddenStates?: readonly Float32Array[];
  /**
   * Filled with the likeliest `spec.numCandidates` tokens to follow the last one; `numLogits` is then 0. Absent: not wanted.
   * Executors without `fetchLogits` leave `totalWeight` as it is.
   */
  readonly candidates?: Candidates;
}

export interface Executor {
  readonly spec: ExecutorSpec;

  /**
   * Runs one forward pass over the batch and stores the new K/V rows into the sequences' blocks.
   * Sequences may share full, already computed blocks (equal prefixes) but never a block that is written in this step.
   *
   * @returns the wanted logits, in the order of the batch and of its tokens, `[sum of numLogits, vocabSize]` row-major;
   *   valid until the next call.
   * @throws when the native run fails; blocks and hidden states written in this step are then undefined, others are untouched.
   */
  execute(batch: readonly ScheduledSequence[]): Promise<Float32Array>;

  /**
   * The logits behind candidates of the last step: `[batchIndexes.length, vocabSize]`. Absent: candidates are to be asked for
   * only where they are sure to decide.
   *
   * @param batchIndexes indexes in that step's batch of sequences that had candidates.
   */
  fetchLogits?(batchIndexes: readonly number[]): Promise<Float32Array>;

  /** Frees native memory. No call may follow. */
  close(): Promise<void>;
}
