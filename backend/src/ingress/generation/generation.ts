// One request's way from tokens to text, as the two halves of the ingress agree on it.
import type { CompletionFinishReason } from "@sluice/shared/openai/usage.ts";

/** What to generate; everything is decided. */
export interface GenerationPlan {
  readonly requestId: string;
  readonly promptTokenIds: readonly number[];
  /** At least 1; with the prompt, at most the model's context length. */
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  /** 0 keeps all tokens. */
  readonly topK: number;
  /** Undefined lets the engine draw one. */
  readonly seed: number | undefined;
  readonly stopStrings: readonly string[];
  /** Lower runs first. */
  readonly priority: number;
  /** Whose prompts this one may share computed prefixes with: the organization. */
  readonly cacheSalt: string;
  /** For whom the engines compute, when they share themselves out: the organization. */
  readonly tenant: string;
}

export interface TokenUsage {
  readonly promptTokens: number;
  /**
   * Tokens the engine sampled for this output. When a stop token or the length ended it, that is the engine's own count,
   * the stop token included. When a stop string ended it, it is the tokens up to and including the one that completed the
   * string: what the engine may have sampled ahead, before it heard of the cancellation, is nobody's output.
   */
  readonly completionTokens: number;
  /** Prompt tokens that came from the prefix cache. */
  readonly cachedTokens: number;
}

/** Text that became certain, never empty; then one end. */
export type GenerationEvent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "end"; readonly finishReason: CompletionFinishReason; readonly usage: TokenUsage };

/** What is known of a generation while it runs, for its line in the log; absent where it did not get that far. */
export interface GenerationProgress {
  engine?: string;
  promptTokens?: number;
  /** Tokens received so far. */
  completionTokens?: number;
  finishReason?: CompletionFinishReason;
}
