import type { Utf8Masks, Utf8State } from "./utf8-masks.ts";
import type { MatcherHandle, XGrammar } from "#platform/xgrammar.ts";
import { allowsNone, allowsToken, allowToken, banToken, type TokenMask } from "#engine/sampling/token-mask.ts";

/**
 * Where one sequence stands in its grammar. It follows the sampled tokens, so a sequence that is preempted and computed again
 * has nothing to tell it.
 */
export class SequenceGrammar {
  readonly #xgrammar: XGrammar;
  readonly #matcher: MatcherHandle;
  readonly #numTokens: number;
  readonly #mask: TokenMask;
  readonly #utf8Masks: Utf8Masks;
  #utf8State: Utf8State = 0;
  readonly #onClose: () => void;
  #isClosed = false;

  /** @param numTokens of the vocabulary; the token of this id stands for the end. */
  constructor(
    xgrammar: XGrammar,
    matcher: MatcherHandle,
    numTokens: number,
    utf8Masks: Utf8Masks,
    onClose: () => void,
  ) {
    this.#xgrammar = xgrammar;
    this.#matcher = matcher;
    this.#numTokens = numTokens;
    this.#mask = new Int32Array(Math.ceil((numTokens + 1) / 32));
    this.#utf8Masks = utf8Masks;
    this.#onClose = onClose;
  }

  /**
   * The tokens that may come next: those that the grammar can go on with and, exactly where it is complete, the stop tokens.
   * Undefined when it is complete and nothing can follow, not even a stop token, since there are none.
   *
   * @param mayStop false bans stop tokens for as long as there is another way.
   * @returns valid until the next call.
   * @throws when the grammar is not complete and the vocabulary has no way on.
   */
  allowedNext(stopTokenIds: readonly number[], mayStop: boolean): TokenMask | undefined {
    const mask = this.#mask;
    const vector = this.#matcher.GetNextTokenBitmask(this.#numTokens + 1);
    mask.set(this.#xgrammar.vecIntToView(vector));
    vector.delete();
    const isComplete = allowsToken(mask, this.#numTokens);
    banToken(mask, this.#numTokens);
    for (const tokenId of stopTokenIds) banToken(mask, tokenId);
    this.#utf8Masks.narrow(mask, this.#utf8State);
    const isAtEnd = allowsNone(mask);
    if (isComplete && (mayStop || isAtEnd)) for (const tokenId of stopTokenIds) allowToken(mask, tokenId);
    if (!allowsNone(mask)) return mask;
    if (isComplete) return undefined;
    throw new Error("the grammar cannot go on with any token of the vocabulary");
  }

  /** Goes on with a token that was allowed and does not stop. */
  accept(tokenId: number): void {
    if (!this.#matcher.AcceptToken(tokenId, false)) throw new Error(`the grammar does not take token ${tokenId}`);
    this.#utf8State = this.#utf8Masks.after(this.#utf8State, tokenId);
  }

  /** Frees its memory. May be called again; nothing else may. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#matcher.delete();
    this.#onClose();
  }
}
