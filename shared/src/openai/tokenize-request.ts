// The tokens of a text or of a conversation, as vLLM's `/tokenize` and `/detokenize` have them.
// Source: vLLM, vllm/entrypoints/serve/tokenize/protocol.py.
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { chatMessageSchema } from "./chat-message.ts";
import { templateFields } from "./template-fields.ts";
import { toolFields } from "./tools.ts";

const maxMessages = 2048;
const maxTokens = 1_048_576;
/** In UTF-16 units. What comes of a text is put together in the region's one thread, a few microseconds a token. */
export const maxTokenizedLength = 524_288;

const { reasoning_effort, chat_template_kwargs, add_generation_prompt, continue_final_message } = templateFields;
const { tools } = toolFields;

/** The body of `POST /v1/tokenize`: one of `prompt` and `messages`. */
export const tokenizeRequestSchema = z.strictObject({
  model: z.string(),
  prompt: z.nullish(z.string().check(z.maxLength(maxTokenizedLength))),
  messages: z.nullish(boundedArray(chatMessageSchema, 1, maxMessages)),
  /** Whether what begins a sequence is put in front; true by default for a prompt. A chat template writes it itself. */
  add_special_tokens: z.nullish(z.boolean()),
  /** Whether the tokens are told as the vocabulary spells them, too. */
  return_token_strs: z.nullish(z.boolean()),

  // Only with `messages`.
  tools,
  reasoning_effort,
  chat_template_kwargs,
  add_generation_prompt,
  continue_final_message,
});

export type TokenizeRequest = z.infer<typeof tokenizeRequestSchema>;

// Written out, because a schema would make one issue for each of a million wrong ids.
const isTokens = (value: unknown): boolean =>
  Array.isArray(value) && value.length <= maxTokens && value.every((id) => Number.isSafeInteger(id) && id >= 0);

/** The body of `POST /v1/detokenize`. */
export const detokenizeRequestSchema = z.strictObject({
  model: z.string(),
  tokens: z.pipe(
    z.unknown().check(z.refine(isTokens, { error: `expected a list of at most ${maxTokens} token ids` })),
    z.transform((ids) => ids as readonly number[]),
  ),
});
