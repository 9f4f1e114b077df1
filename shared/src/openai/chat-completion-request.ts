import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { chatMessageSchema } from "./chat-message.ts";
import { generationFields } from "./generation-fields.ts";
import { toolFields } from "./tools.ts";
import { unsupported, unsupportedUnless, unsupportedUnlessEmpty } from "./unsupported.ts";

const maxMessages = 2048;

const isTextOnly = (value: unknown): boolean => Array.isArray(value) && value.every((modality) => modality === "text");

/** The body of `POST /v1/chat/completions`. */
export const chatCompletionRequestSchema = z.strictObject({
  ...generationFields,
  messages: boundedArray(chatMessageSchema, 1, maxMessages),
  max_tokens: z.nullish(z.int().check(z.minimum(1))),
  /** The newer name of `max_tokens`; at most one of the two may be given. */
  max_completion_tokens: z.nullish(z.int().check(z.minimum(1))),
  logprobs: z.nullish(z.boolean()),
  /** Only with `logprobs`. */
  top_logprobs: z.nullish(z.int().check(z.minimum(0), z.maximum(20))),

  store: unsupported(false),
  modalities: unsupportedUnless(isTextOnly),
  ...toolFields,
  functions: unsupportedUnlessEmpty(),
  function_call: unsupported("none", "auto"),
  audio: unsupported(),
  prediction: unsupported(),
  reasoning_effort: unsupported(),
  verbosity: unsupported(),
  web_search_options: unsupported(),
  moderation: unsupported(),
});

export type ChatCompletionRequest = z.infer<typeof chatCompletionRequestSchema>;
