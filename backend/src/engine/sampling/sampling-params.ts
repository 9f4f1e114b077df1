/** How one sequence turns logits into tokens. */
export interface SamplingParams {
  /** At least 0; 0 is greedy. */
  readonly temperature: number;
  /** Nucleus mass in (0, 1]; 1 keeps everything. */
  readonly topP: number;
  /** How many of the likeliest tokens stay; 0 keeps everything. */
  readonly topK: number;
  /** A safe integer. With it and the logits given, every token of the sequence is fixed. */
  readonly seed: number;
}
