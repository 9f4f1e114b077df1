/** How one sequence turns logits into tokens. */
export interface SamplingParams {
  /** At least 0; 0 is greedy. */
  readonly temperature: number;
  /** Nucleus mass in (0, 1]; 1 keeps everything. */
  readonly topP: number;
  /** How many of the likeliest tokens stay; 0 keeps everything. */
  readonly topK: number;
  /** In [0, 1]: tokens less likely than this share of the likeliest one are left out. Absent keeps everything. */
  readonly minP?: number | undefined;
  /** A safe integer. With it, the stream and the logits given, every token of the sequence is fixed. */
  readonly seed: number;
  /** Which of the seed's independent streams, a uint32; absent: 0. */
  readonly stream?: number | undefined;
  /** Absent: the model's logits as they are. */
  readonly adjustments?: LogitAdjustments | undefined;
}

/** What is done to a sequence's logits before anything else looks at them. */
export interface LogitAdjustments {
  /** Subtracted once from every token of the output; 0 is none. */
  readonly presencePenalty: number;
  /** Subtracted from every token of the output, times how often it is there; 0 is none. */
  readonly frequencyPenalty: number;
  /** Divides positive and multiplies other logits of every token of prompt and output. Above 0; 1 is none. */
  readonly repetitionPenalty: number;
  readonly logitBias: readonly LogitBias[];
}

/** Added to one token's logit. */
interface LogitBias {
  readonly tokenId: number;
  readonly bias: number;
}

/** Above the streams of all choices that a request can have. */
const AGAIN = 2 ** 31;

/**
 * For a second draw in a token's place, after the first gave one that cannot stand: independent of the first, so that the two
 * together draw from those that can in proportion to their weights.
 */
export function drawnAgain(params: SamplingParams): SamplingParams {
  return { ...params, stream: (params.stream ?? 0) + AGAIN };
}
