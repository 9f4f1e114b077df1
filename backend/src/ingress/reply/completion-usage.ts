import type { CompletionUsage } from "@sluice/shared/openai/usage.ts";
import type { TokenUsage } from "#ingress/generation/generation.ts";

/** Usage in OpenAI's words. */
export function toCompletionUsage({ promptTokens, completionTokens, cachedTokens }: TokenUsage): CompletionUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
