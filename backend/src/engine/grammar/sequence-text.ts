import { allowsNone, allowsToken, type TokenMask } from "#engine/sampling/token-mask.ts";
import type { Utf8Masks, Utf8State } from "./utf8-masks.ts";

/**
 * Where a free output stands within a character, so that it goes on as text. It follows the sampled tokens, so a sequence that is
 * preempted and computed again has nothing to tell it. An output is text by itself: what its prompt ends in does not count.
 */
export class SequenceText {
  readonly #masks: Utf8Masks;
  #state: Utf8State = 0;

  constructor(masks: Utf8Masks) {
    this.#masks = masks;
  }

  get isInsideCharacter(): boolean {
    return this.#state !== 0;
  }

  /** The tokens that could come instead of one that would break a character; undefined when it does not, or there are none. */
  alternativesTo(tokenId: number): TokenMask | undefined {
    const mask = this.#masks.goingOn(this.#state);
    return allowsToken(mask, tokenId) || allowsNone(mask) ? undefined : mask;
  }

  /** Goes on with a token that does not stop. */
  accept(tokenId: number): void {
    this.#state = this.#masks.follow(this.#state, tokenId) ?? 0;
  }
}
