import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { chatMessageSchema } from "./chat-message.ts";
import { contentSchema } from "./content-part.ts";
import { oldFunctionFields } from "./old-function-fields.ts";
import { generationFields } from "./generation-fields.ts";
import { templateFields } from "./template-fields.ts";
import { checkToolAnswers } from "./tool-answers.ts";
import { toolFields } from "./tools.ts";
import { unsupported, unsupportedUnless } from "./unsupported.ts";

const maxMessages = 2048;

const isTextOnly = (value: unknown): boolean => Array.isArray(value) && value.every((modality) => modality === "text");

/** The body of `POST /v1/chat/completions`. */
export const chatCompletionRequestSchema = z.strictObject({
  ...generationFields,
  messages: boundedArray(chatMessageSchema, 1, maxMessages).check(checkToolAnswers),
  max_tokens: z.nullish(z.int().check(z.minimum(1))),
  /** The newer name of `max_tokens`; at most one of the two may be given. */
  max_completion_tokens: z.nullish(z.int().check(z.minimum(1))),
  logprobs: z.nullish(z.boolean()),
  /** Only with `logprobs`. */
  top_logprobs: z.nullish(z.int().check(z.minimum(0), z.maximum(20))),
  ...toolFields,
  ...oldFunctionFields,
  ...templateFields,
  /** What the output may be expected to be. It would only hasten the output, and it does not here. */
  prediction: z.nullish(z.strictObject({ type: z.literal("content"), content: contentSchema })),

  store: unsupportedUnless((value) => value === false, "Stored answers are those of /v1/responses."),
  modalities: unsupportedUnless(isTextOnly, "The models served here write text only."),
  audio: unsupported(),
  /** `medium` is OpenAI's default. */
  verbosity: unsupported("medium"),
  web_search_options: unsupported(),
  moderation: unsupported(),
});

export type ChatCompletionRequest = z.infer<typeof chatCompletionRequestSchema>;
