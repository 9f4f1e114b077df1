// Nucleus sampling: Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020). Exact: the smallest set of
// best ranked tokens whose mass reaches topP, not an approximation by threshold.
import { sortByRank } from "./rank.ts";

/**
 * Moves the nucleus of the candidates to the front of `ids`, in rank order, and returns its size, at least 1.
 *
 * @param ids candidates, `ids[0 … count - 1]`, in any order.
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
): number {
  const numLikely = dropUnlikely(ids, count, weights, ((1 - topP) * total) / count);
  sortByRank(logits, numLikely, ids);
  const wanted = topP * total;
  let mass = 0;
  for (let rank = 0; rank < numLikely; rank += 1) {
    mass += weights[ids[rank] ?? 0] ?? 0;
    if (mass >= wanted) return rank + 1;
  }
  return numLikely;
}

/**
 * Tokens below `cutoff` = (1 - topP) / count together weigh less than 1 - topP, so the rest alone reaches topP and the
 * nucleus lies within it: a few hundred tokens are sorted instead of a vocabulary. The likeliest token always stays.
 * (The same cutoff as in karpathy/llama2.c, sample_topp.)
 */
function dropUnlikely(ids: Int32Array, count: number, weights: Float64Array, cutoff: number): number {
  let kept = 0;
  for (let index = 0; index < count; index += 1) {
    const id = ids[index] ?? 0;
    if ((weights[id] ?? 0) < cutoff) continue;
    ids[kept] = id;
    kept += 1;
  }
  return kept;
}
