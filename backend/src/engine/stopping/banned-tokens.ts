import type { StoppingParams } from "./stopping-params.ts";

const none: readonly number[] = [];

/** Tokens that must not be sampled next: what would end the sequence, while it is shorter than minTokens. */
export function bannedTokens(
  { stopTokenIds, minTokens = 0 }: StoppingParams,
  numOutputTokens: number,
): readonly number[] {
  return numOutputTokens < minTokens ? stopTokenIds : none;
}
