import type { ExecutorSpec } from "./executor/executor.ts";
import type { GenerationRequest, Refusal } from "./generation.ts";

/** Why this engine can never run the request as asked, its grammar aside; absent when it can. Pure. */
export function checkRequest(
  request: GenerationRequest,
  { spec, maxLiveSequences }: { readonly spec: ExecutorSpec; readonly maxLiveSequences: number },
): Refusal | undefined {
  const { promptTokenIds, sampling, stopping, forkIds = [] } = request;
  const numTokens = promptTokenIds.length;
  if (numTokens === 0) return refuse("invalid_value", "the prompt is empty");
  // A prompt that is only computed may fill the whole length.
  if (numTokens + Math.min(1, stopping.maxTokens) > spec.maxModelLen) {
    const detail = `a prompt of ${numTokens} tokens leaves no room for output within ${spec.maxModelLen}`;
    return refuse("context_length_exceeded", detail);
  }
  const fault = findEmbeddingFault(request, spec);
  if (fault !== undefined) return refuse("invalid_value", fault);
  const isUnknown = (id: number): boolean => id >= spec.vocabSize;
  if (promptTokenIds.some(isUnknown)) return refuse("invalid_value", "a prompt token id is not in the vocabulary");
  if (stopping.stopTokenIds.some(isUnknown)) return refuse("invalid_value", "a stop token id is not in the vocabulary");
  if (sampling.adjustments?.logitBias.some(({ tokenId }) => isUnknown(tokenId)) === true) {
    return refuse("invalid_value", "a biased token id is not in the vocabulary");
  }
  if ((stopping.minTokens ?? 0) > 0 && new Set(stopping.stopTokenIds).size >= spec.vocabSize) {
    return refuse("invalid_value", "every token stops, so minTokens leaves none to sample");
  }
  if (1 + forkIds.length > maxLiveSequences) {
    const detail = `${1 + forkIds.length} choices are more than the ${maxLiveSequences} sequences that can be live`;
    return refuse("invalid_value", detail);
  }
  return undefined;
}

function findEmbeddingFault(
  { embedding, stopping, logprobs, grammar, forkIds = [] }: GenerationRequest,
  spec: ExecutorSpec,
): string | undefined {
  if (embedding === undefined) return undefined;
  if (spec.embedding === undefined) return "this engine gives no embeddings";
  if (stopping.maxTokens !== 0 || logprobs !== undefined || grammar !== undefined) {
    return "an embedding comes with neither output nor logprobs";
  }
  if (forkIds.length > 0) return "an embedding has no further choices";
  const { numDimensions = spec.embedding.size } = embedding;
  if (numDimensions >= 1 && numDimensions <= spec.embedding.size) return undefined;
  return `${numDimensions} dimensions of ${spec.embedding.size}`;
}

function refuse(code: Refusal["code"], detail: string): Refusal {
  return { admitted: false, code, detail };
}
