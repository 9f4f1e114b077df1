import { adjustLogits } from "./adjust-logits.ts";
import { Sampler } from "./sampler.ts";
import { drawnAgain, type SamplingParams } from "./sampling-params.ts";
import type { TokenHistory } from "./token-history.ts";
import { maskLogits, type TokenMask } from "./token-mask.ts";

/** Where a sequence stands when its next token is chosen. */
export interface SequenceState {
  /** Prompt, then output. */
  readonly tokenIds: readonly number[];
  readonly numOutputTokens: number;
  /** What the adjustments count; present when there are any. */
  readonly history: TokenHistory | undefined;
  /** Tokens that must not be chosen now. */
  readonly bannedTokenIds: readonly number[];
  /** The only tokens that may be chosen now. Absent: all. */
  readonly allowed?: TokenMask | undefined;
}

/**
 * Chooses tokens from the model's logits. The order is vLLM's: what may not be chosen, bias and penalties; then what `Sampler` does.
 * Rows that nothing is done to are sampled where they lie; the others in a copy, for which there is room for one.
 */
export class TokenChooser {
  readonly #vocabSize: number;
  readonly #sampler: Sampler;
  #scratch: Float32Array | undefined;

  constructor(vocabSize: number) {
    this.#vocabSize = vocabSize;
    this.#sampler = new Sampler(vocabSize);
  }

  /**
   * @param logits `[vocabSize]`; not changed.
   * @throws when the logits hold a NaN, their largest is not finite, or no token may be chosen.
   */
  choose(logits: Float32Array, params: SamplingParams, state: SequenceState): number {
    return this.#sampler.sample(this.#adjusted(logits, params, state), params, state.numOutputTokens);
  }

  /** Another token than `choose` gave, of those that are allowed. */
  chooseAgain(logits: Float32Array, params: SamplingParams, state: SequenceState): number {
    return this.choose(logits, drawnAgain(params), state);
  }

  #adjusted(
    logits: Float32Array,
    { adjustments }: SamplingParams,
    { tokenIds, history, bannedTokenIds, allowed }: SequenceState,
  ): Float32Array {
    if (adjustments === undefined && bannedTokenIds.length === 0 && allowed === undefined) return logits;
    this.#scratch ??= new Float32Array(this.#vocabSize);
    this.#scratch.set(logits);
    if (allowed !== undefined) maskLogits(this.#scratch, allowed);
    for (const tokenId of bannedTokenIds) this.#scratch[tokenId] = -Infinity;
    if (adjustments === undefined) return this.#scratch;
    if (history === undefined) throw new Error("adjustments without a history");
    history.readUpTo(tokenIds);
    adjustLogits(this.#scratch, adjustments, history);
    return this.#scratch;
  }
}
