// Prompt lookup decoding (Saxena, 2023; vLLM's `ngram` method): what followed the last time the same few tokens were there is
// guessed to follow again. Answers quote their prompts, code and JSON repeat themselves, and a guess costs no model.
//
// How sure a guess is depends on how far back the text is the same, and is learned from guesses that need no step: whether the
// next token came true is seen with every token, drafted or not. So a text that does not repeat itself costs a few looks into a
// table, and one that begins to is noticed.
import type { SpeculationParams } from "./speculation-params.ts";

/** Guesses are told apart by how many tokens before them are the same: up to each of these, or more. */
const MATCH_LENGTHS = [2, 3, 4, 6, 8, 12, 16] as const;
/** Longer ones are not told apart from these. */
const LONGEST_MATCH = 17;
/** How likely guesses are to come true, of the shortest match and of the longest, before any was seen to. */
const FIRST_LIKELIHOODS = [0.5, 0.9] as const;
/** How much the newest guess counts in the rate at which guesses come true. */
const NEWEST_WEIGHT = 0.2;
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
  /** How many tokens before the guess are those before the next token; no more than LONGEST_MATCH are counted. */
  #matchLength = 0;
  // index in MATCH_LENGTHS, or past them -> the rate at which such guesses came true
  readonly #rates = firstRates();
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
    const mostDrafted = Math.min(most, this.#params.numSpeculativeTokens);
    const drafted: number[] = [];
    let likelihood = 1;
    // A guess that comes to the end goes on with itself: what repeats is guessed to repeat on.
    for (let index = this.#guess; drafted.length < mostDrafted; index += 1) {
      likelihood *= this.#rates[rateIndex(this.#matchLength + drafted.length)] ?? 0;
      const tokenId = index < tokenIds.length ? tokenIds[index] : drafted[index - tokenIds.length];
      if (tokenId === undefined || likelihood < LEAST_LIKELIHOOD) break;
      drafted.push(tokenId);
    }
    return drafted;
  }

  /** Nothing is drafted any more. */
  stop(): void {
    this.#isStopped = true;
    for (const { places } of this.#lastOf) places.clear();
  }

  /** Takes note of the token at `index`, and guesses where the one after it was before. */
  #read(tokenIds: readonly number[], index: number): void {
    if (this.#guess !== undefined && index >= this.#numPromptTokens) {
      const isTrue = Number(tokenIds[this.#guess] === tokenIds[index]);
      const at = rateIndex(this.#matchLength);
      const rate = this.#rates[at] ?? 0;
      this.#rates[at] = rate + NEWEST_WEIGHT * (isTrue - rate);
    }
    this.#guess = undefined;
    for (const { length, places } of this.#lastOf) {
      if (index + 1 < length) continue;
      const hash = hashNgram(tokenIds, index, length);
      const place = places.get(hash);
      places.set(hash, index);
      if (this.#guess !== undefined || place === undefined) continue;
      const matchLength = countSame(tokenIds, place, index);
      // Hashes may be equal by chance.
      if (matchLength < length) continue;
      this.#guess = place + 1;
      this.#matchLength = matchLength;
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

/** How many tokens up to those at `a` and `b`, of which `a` is the first, are the same; counted up to LONGEST_MATCH. */
function countSame(tokenIds: readonly number[], a: number, b: number): number {
  let count = 0;
  while (count < LONGEST_MATCH && count <= a && tokenIds[a - count] === tokenIds[b - count]) count += 1;
  return count;
}

function rateIndex(matchLength: number): number {
  const index = MATCH_LENGTHS.findIndex((length) => matchLength <= length);
  return index < 0 ? MATCH_LENGTHS.length : index;
}

function firstRates(): number[] {
  const [least, most] = FIRST_LIKELIHOODS;
  return Array.from(
    { length: MATCH_LENGTHS.length + 1 },
    (_, index) => least + ((most - least) * index) / MATCH_LENGTHS.length,
  );
}
