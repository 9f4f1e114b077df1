import type { CompletionUsage } from "@sluice/shared/openai/usage.ts";
import type { TokenUsage } from "#ingress/generation/generation.ts";

/** Usage in OpenAI's words. */
export function toCompletionUsage(usage: TokenUsage): CompletionUsage {
  const { promptTokens, completionTokens, reasoningTokens, cachedTokens } = usage;
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  };
}
