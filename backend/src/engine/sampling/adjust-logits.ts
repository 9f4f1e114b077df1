// Penalties and bias, in vLLM's order (vllm/v1/sample/sampler.py, apply_logits_processors; model_executor/layers/utils.py,
// apply_penalties): bias, then the repetition penalty (CTRL, Keskar et al. 2019, section 4.1), then frequency and presence
// penalties (OpenAI API reference, "frequency_penalty": mu - count * alpha_frequency - (count > 0) * alpha_presence).
import type { LogitAdjustments } from "./sampling-params.ts";
import type { TokenHistory } from "./token-history.ts";

/** Changes `row`, `[vocabSize]`, in place; costs what the history and the bias hold, not what the vocabulary does. */
export function adjustLogits(row: Float32Array, adjustments: LogitAdjustments, history: TokenHistory): void {
  const { logitBias, repetitionPenalty, frequencyPenalty, presencePenalty } = adjustments;
  for (const { tokenId, bias } of logitBias) row[tokenId] = (row[tokenId] ?? 0) + bias;

  const { promptIds, outputCounts } = history;
  if (repetitionPenalty !== 1) {
    for (const tokenId of promptIds) penalizeRepetition(row, tokenId, repetitionPenalty);
    for (const tokenId of outputCounts.keys()) {
      if (!promptIds.has(tokenId)) penalizeRepetition(row, tokenId, repetitionPenalty);
    }
  }

  if (frequencyPenalty === 0 && presencePenalty === 0) return;
  for (const [tokenId, count] of outputCounts) {
    row[tokenId] = (row[tokenId] ?? 0) - count * frequencyPenalty - presencePenalty;
  }
}

function penalizeRepetition(row: Float32Array, tokenId: number, penalty: number): void {
  const logit = row[tokenId] ?? 0;
  row[tokenId] = logit > 0 ? logit / penalty : logit * penalty;
}
