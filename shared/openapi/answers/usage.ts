import * as z from "zod/mini";
import type { ServedTier } from "../../src/openai/chat-completion.ts";
import type { CompletionFinishReason, CompletionUsage } from "../../src/openai/usage.ts";

export const usage = z.strictObject({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  prompt_tokens_details: z.strictObject({ cached_tokens: z.int() }),
}) satisfies z.ZodMiniType<CompletionUsage>;

export const finishReason = z.enum(["stop", "length", "tool_calls"]) satisfies z.ZodMiniType<CompletionFinishReason>;

export const servedTier = z.enum(["default", "flex", "priority"]) satisfies z.ZodMiniType<ServedTier>;
