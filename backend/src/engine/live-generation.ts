import { Pooler } from "./embedding/pooler.ts";
import type { EmbeddingSpec } from "./executor/executor.ts";
import type { Finish, FinishReason, GenerationRequest } from "./generation.ts";
import type { SequenceText } from "./grammar/sequence-text.ts";
import type { SequenceGrammar } from "./grammar/sequence-grammar.ts";
import { PromptLogprobs } from "./sampling/prompt-logprobs.ts";
import { TokenHistory } from "./sampling/token-history.ts";
import type { Sequence } from "./scheduler/sequence.ts";
import { NgramDrafter } from "./speculation/ngram-drafter.ts";
import type { SpeculationParams } from "./speculation/speculation-params.ts";

/** An admitted request and what the engine keeps of it until it ends. */
export interface LiveGeneration {
  readonly request: GenerationRequest;
  readonly sequence: Sequence;
  /** Present when the request adjusts logits. */
  readonly history: TokenHistory | undefined;
  /** Present when the request asks for the prompt's logprobs. */
  readonly promptLogprobs: PromptLogprobs | undefined;
  /** Present when the request asks for an embedding. */
  readonly pooler: Pooler | undefined;
  /** Present when the request has a grammar; closed when the generation ends. */
  readonly grammar: SequenceGrammar | undefined;
  /** Present when it has none, and the vocabulary's bytes are known. */
  readonly text: SequenceText | undefined;
  /** Present when tokens may be guessed ahead. */
  readonly drafter: NgramDrafter | undefined;
}

/** What an output must be. */
export type OutputBounds = Pick<LiveGeneration, "grammar" | "text">;

/** @param embeddingSpec the model's; not needed when the request asks for no embedding. */
export function startGeneration(
  request: GenerationRequest,
  sequence: Sequence,
  embeddingSpec: EmbeddingSpec | undefined,
  bounds: OutputBounds,
  speculation: SpeculationParams | undefined,
): LiveGeneration {
  const { promptTokenIds, sampling, logprobs, embedding } = request;
  return {
    request,
    sequence,
    history: sampling.adjustments && new TokenHistory(promptTokenIds.length),
    promptLogprobs: logprobs?.prompt === true ? new PromptLogprobs(promptTokenIds, logprobs.numTop) : undefined,
    pooler: embedding && embeddingSpec && new Pooler(embeddingSpec, promptTokenIds.length),
    ...bounds,
    drafter: speculation && new NgramDrafter(speculation, promptTokenIds.length),
  };
}

/** What may follow, of at most `most` tokens; may be none. No more than could come true before the sequence ends. */
export function draftTokens(
  { request, sequence, drafter }: LiveGeneration,
  most: number,
  maxModelLen: number,
): readonly number[] {
  const { tokenIds, numOutputTokens } = sequence;
  const numLeft = Math.min(request.stopping.maxTokens - numOutputTokens, maxModelLen - tokenIds.length);
  // One follows the last draft in any case.
  return numLeft > 1 ? (drafter?.draft(tokenIds, Math.min(most, numLeft - 1)) ?? []) : [];
}

/** How the sequence ends now, before it gives its blocks back. */
export function finishOf(sequence: Sequence, reason: FinishReason): Finish {
  return {
    reason,
    numPromptTokens: sequence.numPromptTokens,
    numCachedTokens: sequence.numCachedTokens ?? 0,
    numCompletionTokens: sequence.numOutputTokens,
  };
}
