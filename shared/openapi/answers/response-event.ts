import * as z from "zod/mini";
import type { NumberedEvent } from "../../src/openai/response-event.ts";
import { answerOf } from "./answer-of.ts";
import { outputItem, outputLogprobs, outputTextPart, reasoningTextPart, response } from "./response.ts";

const numbered = { sequence_number: z.int() };
const item = { ...numbered, item_id: z.string(), output_index: z.int() };
const part = { ...item, content_index: z.int() };

export const responseEvent = answerOf<NumberedEvent>()(
  z.union([
    z.strictObject({
      ...numbered,
      type: z.enum([
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.completed",
        "response.incomplete",
        "response.failed",
      ]),
      response,
    }),
    z.strictObject({
      ...numbered,
      type: z.enum(["response.output_item.added", "response.output_item.done"]),
      output_index: z.int(),
      item: outputItem,
    }),
    z.strictObject({
      ...part,
      type: z.enum(["response.content_part.added", "response.content_part.done"]),
      part: z.discriminatedUnion("type", [outputTextPart, reasoningTextPart]),
    }),
    z.strictObject({
      ...part,
      type: z.literal("response.output_text.delta"),
      delta: z.string(),
      logprobs: outputLogprobs,
    }),
    z.strictObject({
      ...part,
      type: z.literal("response.output_text.done"),
      text: z.string(),
      logprobs: outputLogprobs,
    }),
    z.strictObject({ ...part, type: z.literal("response.reasoning_text.delta"), delta: z.string() }),
    z.strictObject({ ...part, type: z.literal("response.reasoning_text.done"), text: z.string() }),
    z.strictObject({ ...item, type: z.literal("response.function_call_arguments.delta"), delta: z.string() }),
    z.strictObject({
      ...item,
      type: z.literal("response.function_call_arguments.done"),
      name: z.string(),
      arguments: z.string(),
    }),
  ]),
);
