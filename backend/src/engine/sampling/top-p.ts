// Nucleus sampling: Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020). Exact: the smallest set of
// best ranked tokens whose mass reaches topP, not an approximation by threshold.
import { keepLikely } from "./keep-likely.ts";
import type { RankSorter } from "./rank-sorter.ts";

/**
 * Moves the nucleus of the candidates to the front of `ids`, in rank order, and returns its size, at least 1.
 *
 * @param ids candidates, `ids[0 … count - 1]`; those of equal logits in the order of their rank.
 * @param weights tokenId -> unnormalised probability.
 * @param total the candidates' summed weights.
 * @param topP in (0, 1).
 */
export function keepNucleus(
  logits: Float32Array,
  ids: Int32Array,
  count: number,
  weights: Float64Array,
  total: number,
  topP: number,
  sorter: RankSorter,
): number {
  // Tokens below (1 - topP) / count together weigh less than 1 - topP, so the rest alone reaches topP and the nucleus lies
  // within it: a few hundred tokens are sorted instead of a vocabulary. (The cutoff of karpathy/llama2.c, sample_topp.)
  const numLikely = keepLikely(ids, count, weights, ((1 - topP) * total) / count);
  sorter.sort(logits, numLikely, ids);
  const wanted = topP * total;
  let mass = 0;
  for (let rank = 0; rank < numLikely; rank += 1) {
    mass += weights[ids[rank] ?? 0] ?? 0;
    if (mass >= wanted) return rank + 1;
  }
  return numLikely;
}
