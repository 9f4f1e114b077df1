import type { OnnxValue } from "onnxruntime-node";
import { candidateIdsName, candidateLogitsName } from "#engine/graph/candidate-outputs.ts";
import type { Candidates } from "#engine/sampling/candidates.ts";

/** Takes ids and logits from row `row` of a run's candidates. @throws when the run gave none. */
export function fillCandidates(
  candidates: Candidates,
  outputs: Readonly<Record<string, OnnxValue>>,
  row: number,
): void {
  const ids = outputs[candidateIdsName]?.data;
  const logits = outputs[candidateLogitsName]?.data;
  if (!(ids instanceof BigInt64Array) || !(logits instanceof Float32Array)) {
    throw new TypeError("the native run gave no candidates");
  }
  const count = candidates.tokenIds.length;
  for (let rank = 0; rank < count; rank++) candidates.tokenIds[rank] = Number(ids[row * count + rank]);
  candidates.logits.set(logits.subarray(row * count, (row + 1) * count));
}
