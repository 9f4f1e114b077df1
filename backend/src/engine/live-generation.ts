import type { GenerationRequest } from "./generation.ts";
import { PromptLogprobs } from "./sampling/prompt-logprobs.ts";
import { TokenHistory } from "./sampling/token-history.ts";
import type { Sequence } from "./scheduler/sequence.ts";

/** An admitted request and what the engine keeps of it until it ends. */
export interface LiveGeneration {
  readonly request: GenerationRequest;
  readonly sequence: Sequence;
  /** Present when the request adjusts logits. */
  readonly history: TokenHistory | undefined;
  /** Present when the request asks for the prompt's logprobs. */
  readonly promptLogprobs: PromptLogprobs | undefined;
}

export function startGeneration(request: GenerationRequest, sequence: Sequence): LiveGeneration {
  const { promptTokenIds, sampling, logprobs } = request;
  return {
    request,
    sequence,
    history: sampling.adjustments && new TokenHistory(promptTokenIds.length),
    promptLogprobs: logprobs?.prompt === true ? new PromptLogprobs(promptTokenIds, logprobs.numTop) : undefined,
  };
}
