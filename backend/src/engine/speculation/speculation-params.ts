/** How tokens are guessed ahead; the names are vLLM's. */
export interface SpeculationParams {
  /** Of a sequence in one step at most; at least 1. */
  readonly numSpeculativeTokens: number;
  /** The longest n-gram that is looked up. */
  readonly promptLookupMax: number;
  /** The shortest; from 1 to `promptLookupMax`. */
  readonly promptLookupMin: number;
}
