import type { BlockTable } from "#engine/kv/block-table.ts";
import type { SequenceId } from "./sequence-id.ts";

/** What a sequence asks of the scheduler. */
export interface SequenceRequest {
  readonly sequenceId: SequenceId;
  readonly promptTokenIds: readonly number[];
  /** Lower runs first. */
  readonly priority: number;
  /** Tenants get fair shares of the engine. */
  readonly tenant: string;
  /** Whether the logits of all positions of the prompt are wanted. Absent: of none. */
  readonly logprobs?: { readonly prompt: boolean } | undefined;
}

/**
 * A prompt and its output so far, and how far its K/V are computed. There is no prefill and no decode state: a sequence
 * is a list of known tokens and a count of computed ones that catches up with it. Tokens found in the prefix cache when
 * it starts count as computed.
 *
 * Invariants:
 * 1. numComputedTokens < tokenIds.length while it lives: the newest token is always still to compute.
 * 2. Its blocks cover at least numComputedTokens positions.
 */
export class Sequence {
  readonly id: SequenceId;
  readonly priority: number;
  readonly tenant: string;
  readonly numPromptTokens: number;
  readonly blocks: BlockTable;
  readonly #hasScoredPrompt: boolean;
  #numTokensInCache = 0;
  readonly #tokenIds: number[];
  #numComputedTokens = 0;
  #numCachedTokens: number | undefined;
  #startOrder = Infinity;

  constructor(request: SequenceRequest, blocks: BlockTable) {
    this.id = request.sequenceId;
    this.priority = request.priority;
    this.tenant = request.tenant;
    this.numPromptTokens = request.promptTokenIds.length;
    this.blocks = blocks;
    this.#hasScoredPrompt = request.logprobs?.prompt === true;
    this.#tokenIds = [...request.promptTokenIds];
  }

  /** Prompt, then output. */
  get tokenIds(): readonly number[] {
    return this.#tokenIds;
  }

  get numComputedTokens(): number {
    return this.#numComputedTokens;
  }

  /** Prompt tokens that were found in the prefix cache at the first start; absent before it. */
  get numCachedTokens(): number | undefined {
    return this.#numCachedTokens;
  }

  /** Which of all starts its first one was; Infinity before it. */
  get startOrder(): number {
    return this.#startOrder;
  }

  /** Whether anything was computed or sampled for it. */
  get hasBegun(): boolean {
    return this.#startOrder !== Infinity || this.numOutputTokens > 0;
  }

  /** At least 1. */
  get numUncomputedTokens(): number {
    return this.#tokenIds.length - this.#numComputedTokens;
  }

  /** What will have to be computed before it only decodes, as far as is known; none once it does. */
  get numQueuedTokens(): number {
    if (this.isDecoding) return 0;
    const isWaiting = this.blocks.blockIds.length === 0;
    return this.numUncomputedTokens - (isWaiting ? this.numTokensInCache : 0);
  }

  /** About how many tokens it would find computed if it started now. Asking again costs a look or two. */
  get numTokensInCache(): number {
    this.#numTokensInCache = this.blocks.countCached(this.#tokenIds, this.#numTokensInCache);
    return this.#numTokensInCache;
  }

  get numOutputTokens(): number {
    return this.#tokenIds.length - this.numPromptTokens;
  }

  /** Whether only the token sampled last is still to compute. */
  get isDecoding(): boolean {
    return this.numUncomputedTokens === 1 && this.numOutputTokens > 0;
  }

  /** Whether the logits of all that is computed next may be wanted, and not of the newest token alone. */
  get isScoring(): boolean {
    return this.#hasScoredPrompt && !this.isDecoding;
  }

  /**
   * Takes blocks for every known token, and those tokens as computed that the prefix cache has. It must own no blocks.
   * False, with nothing changed, when the pool has too few free ones.
   *
   * @param startOrder its place in running order, if this is its first start: greater than that of all before it.
   */
  start(startOrder: number): boolean {
    const numCached = this.blocks.start(this.#tokenIds);
    if (numCached === undefined) return false;
    this.#numComputedTokens = numCached;
    this.#numCachedTokens ??= numCached;
    this.#startOrder = Math.min(this.#startOrder, startOrder);
    return true;
  }

  /** The K/V of `numTokens` more tokens are in the blocks. */
  advance(numTokens: number): void {
    this.#numComputedTokens += numTokens;
    this.blocks.publish(this.#tokenIds, this.#numComputedTokens);
  }

  append(tokenId: number): void {
    this.#tokenIds.push(tokenId);
  }

  /** Gives the blocks back; what the cache does not keep has to be computed again, the known tokens stay. */
  releaseBlocks(): void {
    this.blocks.release();
    this.#numComputedTokens = 0;
  }
}

/** Negative when `a` waits before `b` of the same tenant: by priority, then by arrival. */
export function compareArrivals(a: Sequence, b: Sequence): number {
  return a.priority - b.priority || a.id - b.id;
}

/** Negative when `a` runs before `b`: by priority, then by who started first. */
export function compareStarts(a: Sequence, b: Sequence): number {
  // Two that never started have no difference.
  return a.priority - b.priority || (a.startOrder === b.startOrder ? a.id - b.id : a.startOrder - b.startOrder);
}
