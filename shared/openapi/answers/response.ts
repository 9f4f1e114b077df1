import * as z from "zod/mini";
import type { OutputItem, OutputTextPart, ReasoningTextPart, ResponseObject } from "../../src/openai/response.ts";
import { responseToolChoiceSchema, textFormatSchema } from "../../src/openai/response-request.ts";
import { reasoningEffortSchema } from "../../src/openai/template-fields.ts";
import { answerOf } from "./answer-of.ts";
import { servedTier } from "./usage.ts";

const itemStatus = z.enum(["in_progress", "completed", "incomplete"]);

const tokenLogprob = { token: z.string(), logprob: z.number(), bytes: z.array(z.int()) };

export const outputLogprobs = z.array(
  z.strictObject({ ...tokenLogprob, top_logprobs: z.array(z.strictObject(tokenLogprob)) }),
);

export const outputTextPart = answerOf<OutputTextPart>()(
  z.strictObject({
    type: z.literal("output_text"),
    text: z.string(),
    annotations: z.array(z.never()),
    logprobs: outputLogprobs,
  }),
);

export const reasoningTextPart = answerOf<ReasoningTextPart>()(
  z.strictObject({ type: z.literal("reasoning_text"), text: z.string() }),
);

export const outputItem = answerOf<OutputItem>()(
  z.discriminatedUnion("type", [
    z.strictObject({
      type: z.literal("message"),
      id: z.string(),
      role: z.literal("assistant"),
      status: itemStatus,
      content: z.array(outputTextPart),
    }),
    z.strictObject({
      type: z.literal("function_call"),
      id: z.string(),
      call_id: z.string(),
      name: z.string(),
      arguments: z.string(),
      status: itemStatus,
    }),
    z.strictObject({
      type: z.literal("reasoning"),
      id: z.string(),
      status: itemStatus,
      summary: z.array(z.never()),
      content: z.array(reasoningTextPart),
    }),
  ]),
);

const responseUsage = z.strictObject({
  input_tokens: z.int(),
  input_tokens_details: z.strictObject({ cached_tokens: z.int(), cache_write_tokens: z.int() }),
  output_tokens: z.int(),
  output_tokens_details: z.strictObject({ reasoning_tokens: z.int() }),
  total_tokens: z.int(),
});

export const response = answerOf<ResponseObject>()(
  z.strictObject({
    id: z.string(),
    object: z.literal("response"),
    created_at: z.int(),
    status: z.enum(["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]),
    completed_at: z.nullable(z.int()),
    error: z.nullable(z.strictObject({ code: z.enum(["server_error", "rate_limit_exceeded"]), message: z.string() })),
    incomplete_details: z.nullable(z.strictObject({ reason: z.literal("max_output_tokens") })),
    background: z.boolean(),
    store: z.boolean(),
    model: z.string(),
    instructions: z.nullable(z.string()),
    previous_response_id: z.nullable(z.string()),
    max_output_tokens: z.nullable(z.int()),
    max_tool_calls: z.nullable(z.int()),
    output: z.array(outputItem),
    parallel_tool_calls: z.boolean(),
    temperature: z.nullable(z.number()),
    top_p: z.nullable(z.number()),
    top_logprobs: z.int(),
    text: z.strictObject({ format: textFormatSchema, verbosity: z.literal("medium") }),
    tool_choice: responseToolChoiceSchema,
    tools: z.array(z.unknown()),
    truncation: z.enum(["auto", "disabled"]),
    reasoning: z.strictObject({ effort: z.nullable(reasoningEffortSchema), summary: z.null() }),
    service_tier: servedTier,
    metadata: z.record(z.string(), z.string()),
    safety_identifier: z.nullable(z.string()),
    prompt_cache_key: z.nullable(z.string()),
    user: z.exactOptional(z.string()),
    usage: z.exactOptional(responseUsage),
  }),
);

export const deletedResponse = z.strictObject({
  id: z.string(),
  object: z.literal("response"),
  deleted: z.literal(true),
});

/** Items as they were given, each with an id. */
export const responseItemList = z.strictObject({
  object: z.literal("list"),
  data: z.array(z.looseObject({ id: z.string(), type: z.string() })),
  first_id: z.nullable(z.string()),
  last_id: z.nullable(z.string()),
  has_more: z.boolean(),
});
