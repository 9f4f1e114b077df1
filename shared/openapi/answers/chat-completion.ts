import * as z from "zod/mini";
import type { ChatCompletion, ChatCompletionChunk, ChatFinishReason } from "../../src/openai/chat-completion.ts";
import { servedTier, usage } from "./usage.ts";
import { answerOf } from "./answer-of.ts";

const tokenLogprob = {
  token: z.string(),
  logprob: z.number(),
  bytes: z.nullable(z.array(z.int())),
};

const logprobs = z.nullable(
  z.strictObject({
    content: z.array(z.strictObject({ ...tokenLogprob, top_logprobs: z.array(z.strictObject(tokenLogprob)) })),
    refusal: z.null(),
  }),
);

const chatFinishReason = answerOf<ChatFinishReason>()(z.enum(["stop", "length", "tool_calls", "function_call"]));

const functionCall = z.strictObject({ name: z.string(), arguments: z.string() });

const functionCallDelta = z.strictObject({ name: z.exactOptional(z.string()), arguments: z.string() });

const toolCall = z.strictObject({
  id: z.string(),
  type: z.literal("function"),
  function: functionCall,
});

const toolCallDelta = z.strictObject({
  index: z.int(),
  id: z.exactOptional(z.string()),
  type: z.exactOptional(z.literal("function")),
  function: functionCallDelta,
});

export const chatCompletion = answerOf<ChatCompletion>()(
  z.strictObject({
    id: z.string(),
    object: z.literal("chat.completion"),
    created: z.int(),
    model: z.string(),
    service_tier: z.exactOptional(servedTier),
    prompt_token_ids: z.exactOptional(z.array(z.int())),
    choices: z.array(
      z.strictObject({
        index: z.int(),
        message: z.strictObject({
          role: z.literal("assistant"),
          content: z.nullable(z.string()),
          refusal: z.null(),
          reasoning_content: z.exactOptional(z.string()),
          tool_calls: z.exactOptional(z.array(toolCall)),
          function_call: z.exactOptional(functionCall),
        }),
        logprobs,
        finish_reason: chatFinishReason,
        token_ids: z.exactOptional(z.array(z.int())),
      }),
    ),
    usage,
  }),
);

export const chatCompletionChunk = answerOf<ChatCompletionChunk>()(
  z.strictObject({
    id: z.string(),
    object: z.literal("chat.completion.chunk"),
    created: z.int(),
    model: z.string(),
    service_tier: z.exactOptional(servedTier),
    prompt_token_ids: z.exactOptional(z.array(z.int())),
    choices: z.array(
      z.strictObject({
        index: z.int(),
        delta: z.strictObject({
          role: z.exactOptional(z.literal("assistant")),
          content: z.exactOptional(z.string()),
          reasoning_content: z.exactOptional(z.string()),
          tool_calls: z.exactOptional(z.array(toolCallDelta)),
          function_call: z.exactOptional(functionCallDelta),
        }),
        logprobs,
        finish_reason: z.nullable(chatFinishReason),
        token_ids: z.exactOptional(z.array(z.int())),
      }),
    ),
    usage: z.exactOptional(z.nullable(usage)),
  }),
);
