/** When one sequence ends of itself. */
export interface StoppingParams {
  /** At most this many output tokens, at least 1. */
  readonly maxTokens: number;
  /** Sampling one of these ends the sequence; the token is counted but not emitted. */
  readonly stopTokenIds: readonly number[];
}
