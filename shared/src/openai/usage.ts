/** OpenAI's `CompletionUsage`. Counts are the engine's. */
export interface CompletionUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
}

export type CompletionFinishReason = "stop" | "length" | "tool_calls";
