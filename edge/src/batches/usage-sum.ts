// What the answers of a batch say they took, together. Chats, completions and embeddings have one form of usage, responses another.
import * as z from "zod/mini";
import type { BatchUsageSum } from "./batch-head.ts";

const count = z._default(z.int(), 0);
const nothing = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0 };

const chatUsageSchema = z.object({
  prompt_tokens: z.int(),
  completion_tokens: count,
  prompt_tokens_details: z.nullish(z.object({ cached_tokens: count })),
  completion_tokens_details: z.nullish(z.object({ reasoning_tokens: count })),
});

const responseUsageSchema = z.object({
  input_tokens: z.int(),
  output_tokens: z.int(),
  input_tokens_details: z.nullish(z.object({ cached_tokens: count })),
  output_tokens_details: z.nullish(z.object({ reasoning_tokens: count })),
});

/** An answer that says nothing of its usage adds nothing. */
export function addUsage(
  sum: BatchUsageSum | undefined,
  { usage }: Readonly<Record<string, unknown>>,
): BatchUsageSum | undefined {
  const more = ofChat(usage) ?? ofResponse(usage);
  if (more === undefined) return sum;
  const { inputTokens, cachedTokens, outputTokens, reasoningTokens } = sum ?? nothing;
  return {
    inputTokens: inputTokens + more.inputTokens,
    cachedTokens: cachedTokens + more.cachedTokens,
    outputTokens: outputTokens + more.outputTokens,
    reasoningTokens: reasoningTokens + more.reasoningTokens,
  };
}

function ofChat(usage: unknown): BatchUsageSum | undefined {
  const parsed = chatUsageSchema.safeParse(usage);
  if (!parsed.success) return undefined;
  const { prompt_tokens, completion_tokens, prompt_tokens_details, completion_tokens_details } = parsed.data;
  return {
    inputTokens: prompt_tokens,
    cachedTokens: prompt_tokens_details?.cached_tokens ?? 0,
    outputTokens: completion_tokens,
    reasoningTokens: completion_tokens_details?.reasoning_tokens ?? 0,
  };
}

function ofResponse(usage: unknown): BatchUsageSum | undefined {
  const parsed = responseUsageSchema.safeParse(usage);
  if (!parsed.success) return undefined;
  const { input_tokens, output_tokens, input_tokens_details, output_tokens_details } = parsed.data;
  return {
    inputTokens: input_tokens,
    cachedTokens: input_tokens_details?.cached_tokens ?? 0,
    outputTokens: output_tokens,
    reasoningTokens: output_tokens_details?.reasoning_tokens ?? 0,
  };
}
