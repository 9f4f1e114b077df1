import { argmax } from "./argmax.ts";
import { keepLikely } from "./keep-likely.ts";
import { uniformAt } from "./philox.ts";
import { selectTop } from "./rank.ts";
import { fewestSorted, RankSorter } from "./rank-sorter.ts";
import type { SamplingParams } from "./sampling-params.ts";
import { keepNucleus } from "./top-p.ts";

/** exp(-50) · 10^6 tokens is below the last bit of a sum that holds the likeliest token's 1: such a token weighs 0. */
const NEGLIGIBLE_EXPONENT = -50;

/**
 * Turns rows of logits into tokens. It holds scratch memory of the vocabulary's size and nothing else: the result is
 * a function of the arguments alone, so one sampler serves every sequence and nobody's tokens depend on the others'.
 *
 * The order is vLLM's: temperature, then min-p, then top-k, then top-p over what those left. (Min-p and top-k both keep the
 * best ranked, so which of the two goes first makes no difference; top-k does here, and saves the weighing of the rest.)
 */
export class Sampler {
  /** The candidates, in the front. */
  readonly #ids: Int32Array;
  /** tokenId -> exp((logit - max) / temperature); only the candidates' are valid. */
  readonly #weights: Float64Array;
  readonly #sorter: RankSorter;

  constructor(vocabSize: number) {
    this.#sorter = new RankSorter(vocabSize);
    this.#ids = new Int32Array(vocabSize);
    this.#weights = new Float64Array(vocabSize);
  }

  /**
   * @param logits `[vocabSize]`; not changed.
   * @param index how many tokens this sequence sampled before; names the draw within the seed's stream.
   * @throws when the logits hold a NaN or their largest is not finite.
   */
  sample(logits: Float32Array, params: SamplingParams, index: number): number {
    const likeliest = argmax(logits);
    if (params.temperature === 0 || params.topK === 1) return likeliest;
    let count = this.#keepTopK(logits, params.topK);
    let total = this.#weigh(logits, count, logits[likeliest] ?? 0, params.temperature);
    if (params.minP !== undefined && params.minP > 0) {
      // The likeliest weighs 1: a token's weight is its share of the likeliest one's probability.
      count = keepLikely(this.#ids, count, this.#weights, params.minP);
      total = this.#sum(count);
    }
    if (params.topP < 1) count = keepNucleus(logits, this.#ids, count, this.#weights, total, params.topP, this.#sorter);
    return this.#draw(count, uniformAt(params.seed, index, params.stream));
  }

  #keepTopK(logits: Float32Array, topK: number): number {
    const isCut = topK > 0 && topK < logits.length;
    if (isCut && topK < fewestSorted) {
      selectTop(logits, topK, this.#ids);
      return topK;
    }
    for (let id = 0; id < logits.length; id += 1) this.#ids[id] = id;
    if (!isCut) return logits.length;
    this.#sorter.sort(logits, logits.length, this.#ids);
    return topK;
  }

  /** Returns the sum of the candidates' weights, at least 1. */
  #weigh(logits: Float32Array, count: number, max: number, temperature: number): number {
    let total = 0;
    for (let index = 0; index < count; index += 1) {
      const id = this.#ids[index] ?? 0;
      const exponent = ((logits[id] ?? 0) - max) / temperature;
      const weight = exponent < NEGLIGIBLE_EXPONENT ? 0 : Math.exp(exponent);
      this.#weights[id] = weight;
      total += weight;
    }
    return total;
  }

  /** Inverse of the cumulative distribution over the candidates, in their order. */
  #draw(count: number, uniform: number): number {
    let remaining = uniform * this.#sum(count);
    let drawn = this.#ids[0] ?? 0;
    for (let index = 0; index < count; index += 1) {
      const id = this.#ids[index] ?? 0;
      const weight = this.#weights[id] ?? 0;
      if (weight === 0) continue;
      drawn = id;
      remaining -= weight;
      if (remaining < 0) break;
    }
    // Rounding can leave `remaining` at 0 past the end: then the last token with any weight is meant.
    return drawn;
  }

  /** The weight of the first `count` candidates. */
  #sum(count: number): number {
    let sum = 0;
    for (let index = 0; index < count; index += 1) sum += this.#weights[this.#ids[index] ?? 0] ?? 0;
    return sum;
  }
}
