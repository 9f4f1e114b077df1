import type { GenerateRequest, LogitAdjustments } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { GenerationPlan } from "./generation.ts";

/** What ranking asks for when the caller asks for no logprobs. */
const ranking = { numTop: 0, prompt: false };

/** A plan in the proto's words. */
export function toEngineRequest(plan: GenerationPlan): GenerateRequest {
  const { requestId, promptTokenIds, priority, cacheSalt, tenant, maxTokens, minTokens, stopTokenIds } = plan;
  const { n, isRanked, logprobs, echo } = plan;
  const { temperature, topP, topK, minP, seed } = plan;
  return {
    requestId,
    promptTokenIds: [...promptTokenIds],
    sampling: { temperature, topP, topK, minP, seed, adjustments: toAdjustments(plan) },
    stopping: { maxTokens, stopTokenIds: [...stopTokenIds], minTokens },
    priority,
    cacheSalt,
    tenant,
    logprobs: logprobs ? { numTop: logprobs.numTop, prompt: echo !== undefined } : isRanked ? ranking : undefined,
    n,
    grammar: plan.grammar && { ebnf: plan.grammar.ebnf },
  };
}

/** Undefined when nothing is to be adjusted: the engine then leaves the logits where they are. */
function toAdjustments(plan: GenerationPlan): LogitAdjustments | undefined {
  const { presencePenalty, frequencyPenalty, repetitionPenalty, logitBias } = plan;
  const isNone = presencePenalty === 0 && frequencyPenalty === 0 && repetitionPenalty === 1 && logitBias.length === 0;
  return isNone ? undefined : { presencePenalty, frequencyPenalty, repetitionPenalty, logitBias: [...logitBias] };
}
