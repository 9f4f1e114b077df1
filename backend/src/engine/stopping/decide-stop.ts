import type { StoppingParams } from "./stopping-params.ts";

export type StopDecision =
  | { readonly kind: "continue" }
  /** A stop token was sampled; it is not part of the output. */
  | { readonly kind: "stop"; readonly stopTokenId: number }
  /** maxTokens or the model's length was reached; the sampled token is the last of the output. */
  | { readonly kind: "length" };

/** Where a sequence stands, the token just sampled included. */
export interface StopState {
  readonly sampledTokenId: number;
  readonly numOutputTokens: number;
  /** Prompt and output together. */
  readonly numTokens: number;
  readonly maxModelLen: number;
}

/** Pure; asked after every sampled token. A stop token that comes as the last allowed one counts as a stop. */
export function decideStop(params: StoppingParams, state: StopState): StopDecision {
  if (params.stopTokenIds.includes(state.sampledTokenId)) return { kind: "stop", stopTokenId: state.sampledTokenId };
  if (state.numOutputTokens >= params.maxTokens || state.numTokens >= state.maxModelLen) return { kind: "length" };
  return { kind: "continue" };
}
