// What chat completions and text completions ask for in the same words.
// Source: OpenAI API reference, CreateChatCompletionRequest and CreateCompletionRequest.
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { unsupported, unsupportedUnlessEmpty } from "./unsupported.ts";

const maxStopLength = 1024;

/** Well formed, so that a match can never begin or end inside a surrogate pair. */
const stopString = z
  .string()
  .check(z.minLength(1), z.maxLength(maxStopLength))
  .check(z.refine((stop) => stop.isWellFormed()));

const isRecord = (value: unknown): boolean => typeof value === "object" && !Array.isArray(value);

export const generationFields = {
  model: z.string(),
  max_tokens: z.nullish(z.int().check(z.minimum(1))),
  temperature: z.nullish(z.number().check(z.minimum(0), z.maximum(2))),
  /** 0 keeps only the most likely token, as OpenAI reads it. */
  top_p: z.nullish(z.number().check(z.minimum(0), z.maximum(1))),
  /** Not OpenAI's, but every open engine's: 0 keeps all tokens. */
  top_k: z.nullish(z.int().check(z.minimum(0), z.maximum(2 ** 31 - 1))),
  seed: z.nullish(z.int()),
  stop: z.nullish(z.union([stopString, boundedArray(stopString, 1, 4)])),
  stream: z.nullish(z.boolean()),
  stream_options: z.nullish(
    z.strictObject({
      include_usage: z.nullish(z.boolean()),
      /** Padding against traffic analysis; the transport under us is the place for it. */
      include_obfuscation: z.nullish(z.boolean()),
    }),
  ),

  // Accepted and without effect on the output.
  user: z.nullish(z.string()),
  safety_identifier: z.nullish(z.string()),
  prompt_cache_key: z.nullish(z.string()),
  prompt_cache_retention: z.nullish(z.string()),
  service_tier: z.nullish(z.string()),
  metadata: z.nullish(z.unknown().check(z.refine(isRecord))),

  n: unsupported(1),
  frequency_penalty: unsupported(0),
  presence_penalty: unsupported(0),
  logit_bias: unsupportedUnlessEmpty(),
};
