/** When one sequence ends of itself. */
export interface StoppingParams {
  /** At most this many output tokens. 0 computes the prompt and samples nothing. */
  readonly maxTokens: number;
  /** Sampling one of these ends the sequence; the token is counted but not emitted. */
  readonly stopTokenIds: readonly number[];
  /** No stop token is sampled before the output has this many tokens; at most maxTokens. Absent is 0. */
  readonly minTokens?: number | undefined;
}
