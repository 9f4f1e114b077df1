// Test support: a sequence's share of a step.
import type { ScheduledSequence } from "#engine/executor/executor.ts";
import type { BlockId } from "#engine/kv/block-id.ts";

export function scheduled(
  numComputedTokens: number,
  numTokens: number,
  rest: { readonly blocks?: readonly number[]; readonly numLogits?: number } = {},
): ScheduledSequence {
  const { blocks = [], numLogits = 1 } = rest;
  const tokenIds = Array.from({ length: numTokens }, (_, index) => 100 + index);
  return { tokenIds, numComputedTokens, blockTable: blocks as readonly BlockId[], numLogits };
}
