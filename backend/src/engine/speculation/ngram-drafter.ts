// Prompt lookup decoding (Saxena, 2023; vLLM's `ngram` method): what followed the last time the same few tokens were there is
// guessed to follow again. Answers quote their prompts, code and JSON repeat themselves, and a guess costs no model.
//
// How often it guesses is learned from guesses that need no step: whether its next token came true is seen with every token,
// drafted or not. So a text that does not repeat itself costs a few looks into a table, and one that begins to is noticed.
import type { SpeculationParams } from "./speculation-params.ts";

/** How much the newest guess counts in the rate at which guesses come true. */
const NEWEST_WEIGHT = 0.25;
/** Of a sequence of which nothing was guessed yet: one token is tried. */
const FIRST_RATE = 0.5;
/** A token is drafted when it, and all before it, are at least so likely to come true: about what its row costs. */
const LEAST_LIKELIHOOD = 0.35;

/** Drafts one sequence's tokens. Its memory is bounded by the sequence's: a few numbers a token. */
export class NgramDrafter {
  readonly #params: SpeculationParams;
  readonly #numPromptTokens: number;
  // for each length of n-grams, the longest first: hash of an n-gram -> index of its last token, where it came last
  readonly #lastOf: readonly { readonly length: number; readonly places: Map<number, number> }[];
  #numRead = 0;
  /** Index of the token that is guessed to follow; absent when nothing like the last tokens was there before. */
  #guess: number | undefined;
  #rate = FIRST_RATE;
  #isStopped = false;

  constructor(params: SpeculationParams, numPromptTokens: number) {
    this.#params = params;
    this.#numPromptTokens = numPromptTokens;
    const { promptLookupMax, promptLookupMin } = params;
    this.#lastOf = Array.from({ length: promptLookupMax - promptLookupMin + 1 }, (_, index) => ({
      length: promptLookupMax - index,
      places: new Map<number, number>(),
    }));
  }

  /**
   * What may follow, of at most `most` tokens; may be none. Takes time in the tokens that are new.
   *
   * @param tokenIds prompt, then output; begins with what it held before.
   */
  draft(tokenIds: readonly number[], most: number): readonly number[] {
    if (this.#isStopped) return [];
    for (; this.#numRead < tokenIds.length; this.#numRead += 1) this.#read(tokenIds, this.#numRead);
    if (this.#guess === undefined) return [];
    const length = Math.min(most, this.#lengthWorthwhile());
    const drafted: number[] = [];
    // A guess that comes to the end goes on with itself: what repeats is guessed to repeat on.
    for (let index = this.#guess; drafted.length < length; index += 1) {
      const tokenId = index < tokenIds.length ? tokenIds[index] : drafted[index - tokenIds.length];
      if (tokenId === undefined) break;
      drafted.push(tokenId);
    }
    return drafted;
  }

  /** Nothing is drafted any more. */
  stop(): void {
    this.#isStopped = true;
    for (const { places } of this.#lastOf) places.clear();
  }

  #lengthWorthwhile(): number {
    const { numSpeculativeTokens } = this.#params;
    if (this.#rate >= 1) return numSpeculativeTokens;
    return Math.min(numSpeculativeTokens, Math.floor(Math.log(LEAST_LIKELIHOOD) / Math.log(this.#rate)));
  }

  /** Takes note of the token at `index`, and guesses where the one after it was before. */
  #read(tokenIds: readonly number[], index: number): void {
    if (this.#guess !== undefined && index >= this.#numPromptTokens) {
      const isTrue = Number(tokenIds[this.#guess] === tokenIds[index]);
      this.#rate += NEWEST_WEIGHT * (isTrue - this.#rate);
    }
    this.#guess = undefined;
    for (const { length, places } of this.#lastOf) {
      if (index + 1 < length) continue;
      const hash = hashNgram(tokenIds, index, length);
      const place = places.get(hash);
      places.set(hash, index);
      if (this.#guess === undefined && place !== undefined && isSame(tokenIds, place, index, length)) {
        this.#guess = place + 1;
      }
    }
  }
}

/** FNV-1a over whole tokens, the last of them at `end`. */
function hashNgram(tokenIds: readonly number[], end: number, length: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let index = end - length + 1; index <= end; index += 1)
    hash = Math.imul(hash ^ (tokenIds[index] ?? 0), 0x01000193);
  return hash;
}

/** Whether the n-grams that end at `a` and `b` are one: hashes may be equal by chance. */
function isSame(tokenIds: readonly number[], a: number, b: number, length: number): boolean {
  for (let back = 0; back < length; back += 1) if (tokenIds[a - back] !== tokenIds[b - back]) return false;
  return true;
}
