import type { ResponseUsage } from "@sluice/shared/openai/response.ts";
import type { TokenUsage } from "#ingress/generation/generation.ts";

/** Usage in the words of responses. */
export function toResponseUsage(usage: TokenUsage): ResponseUsage {
  const { promptTokens, completionTokens, reasoningTokens, cachedTokens } = usage;
  return {
    input_tokens: promptTokens,
    // What a prompt adds to the prefix cache is not counted apart.
    input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0 },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: reasoningTokens },
    total_tokens: promptTokens + completionTokens,
  };
}
