// Log-probabilities as OpenAI and vLLM (`logprobs_mode: raw_logprobs`) report them: the log-softmax of what the model gave,
// before penalties, bias, temperature and every cut. They say what the model thought, not how the token was drawn.
import { selectTop } from "./rank.ts";

/** Most alternatives one token may ask for: OpenAI's limit. */
export const MAX_TOP_LOGPROBS = 20;

/** One token's, in natural logarithms. */
export interface TokenLogprobs {
  readonly logprob: number;
  /** The likeliest tokens in this token's place, likeliest first; the token itself may be missing. */
  readonly topTokenIds: readonly number[];
  readonly topLogprobs: readonly number[];
}

/** Reads logprobs out of rows of logits. It holds scratch memory only. */
export class LogprobReader {
  readonly #ids = new Int32Array(MAX_TOP_LOGPROBS);

  /**
   * @param logits `[vocabSize]`; not changed.
   * @param numTop at most `MAX_TOP_LOGPROBS`; no more than the vocabulary are given.
   * @throws when the logits hold a NaN or their largest is not finite.
   */
  read(logits: Float32Array, tokenId: number, numTop: number): TokenLogprobs {
    const max = largest(logits);
    const logSum = logSumExp(logits, max);
    if (!Number.isFinite(max) || !Number.isFinite(logSum)) throw new Error(`the logits' sum is ${max + logSum}`);
    const logprobOf = (id: number): number => (logits[id] ?? NaN) - max - logSum;
    const topTokenIds = this.#likeliest(logits, Math.min(numTop, logits.length));
    return { logprob: logprobOf(tokenId), topTokenIds, topLogprobs: topTokenIds.map(logprobOf) };
  }

  #likeliest(logits: Float32Array, count: number): number[] {
    if (count === 0) return [];
    selectTop(logits, count, this.#ids);
    return [...this.#ids.subarray(0, count)];
  }
}

/** Passes over NaN: the sum shows it. */
function largest(logits: Float32Array): number {
  let max = -Infinity;
  for (const logit of logits) if (logit > max) max = logit;
  return max;
}

/** log(sum(exp(logit - max))): at least 0, and nothing overflows. */
function logSumExp(logits: Float32Array, max: number): number {
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - max);
  return Math.log(sum);
}
