import * as z from "zod/mini";
import type { ServedTier } from "../../src/openai/service-tier.ts";
import type { CompletionFinishReason, CompletionUsage } from "../../src/openai/usage.ts";
import { answerOf } from "./answer-of.ts";

export const usage = answerOf<CompletionUsage>()(
  z.strictObject({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.strictObject({ cached_tokens: z.int() }),
    completion_tokens_details: z.strictObject({ reasoning_tokens: z.int() }),
  }),
);

export const finishReason = answerOf<CompletionFinishReason>()(z.enum(["stop", "length", "tool_calls"]));

export const servedTier = answerOf<ServedTier>()(z.enum(["default", "flex", "priority"]));
