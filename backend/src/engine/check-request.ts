import type { ExecutorSpec } from "./executor/executor.ts";
import type { GenerationRequest, Refusal } from "./generation.ts";

/** Why this model can never run the request as asked; absent when it can. Pure. */
export function checkRequest(request: GenerationRequest, spec: ExecutorSpec): Refusal | undefined {
  const { promptTokenIds, stopping } = request;
  const numTokens = promptTokenIds.length;
  if (numTokens === 0) return refuse("invalid_value", "the prompt is empty");
  if (numTokens >= spec.maxModelLen) {
    const detail = `a prompt of ${numTokens} tokens leaves no room for output within ${spec.maxModelLen}`;
    return refuse("context_length_exceeded", detail);
  }
  const isUnknown = (id: number): boolean => id >= spec.vocabSize;
  if (promptTokenIds.some(isUnknown)) return refuse("invalid_value", "a prompt token id is not in the vocabulary");
  if (stopping.stopTokenIds.some(isUnknown)) return refuse("invalid_value", "a stop token id is not in the vocabulary");
  return undefined;
}

function refuse(code: Refusal["code"], detail: string): Refusal {
  return { admitted: false, code, detail };
}
