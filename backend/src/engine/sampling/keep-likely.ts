/**
 * Moves the candidates that weigh at least `cutoff` to the front of `ids`, in their order, and returns how many they are.
 *
 * @param ids candidates, `ids[0 … count - 1]`.
 * @param weights tokenId -> unnormalised probability.
 */
export function keepLikely(ids: Int32Array, count: number, weights: Float64Array, cutoff: number): number {
  let kept = 0;
  for (let index = 0; index < count; index += 1) {
    const id = ids[index] ?? 0;
    if ((weights[id] ?? 0) < cutoff) continue;
    ids[kept] = id;
    kept += 1;
  }
  return kept;
}
