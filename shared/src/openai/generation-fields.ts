// What chat completions and text completions ask for in the same words.
// Source: OpenAI API reference, CreateChatCompletionRequest and CreateCompletionRequest.
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { engineFields } from "./engine-fields.ts";
import { logitBiasSchema } from "./logit-bias.ts";
import { requestFields } from "./request-fields.ts";
import { structuredOutputFields } from "./structured-output.ts";
import { unsupported } from "./unsupported.ts";
import { wellFormed } from "./well-formed.ts";

const maxStopLength = 1024;

const penalty = z.nullish(z.number().check(z.minimum(-2), z.maximum(2)));

const stopString = z.string().check(z.minLength(1), z.maxLength(maxStopLength)).check(wellFormed);

export const generationFields = {
  ...requestFields,
  frequency_penalty: penalty,
  presence_penalty: penalty,
  logit_bias: z.nullish(logitBiasSchema),
  /** How many choices. */
  n: z.nullish(z.int().check(z.minimum(1), z.maximum(128))),
  /** An empty list is none. */
  stop: z.nullish(z.union([stopString, boundedArray(stopString, 0, 4)])),
  stream_options: z.nullish(
    z.strictObject({
      include_usage: z.nullish(z.boolean()),
      /** Padding against traffic analysis: off here, and the transport under us is the place for it. */
      include_obfuscation: unsupported(false),
      /** vLLM's. */
      continuous_usage_stats: unsupported(false),
    }),
  ),

  ...engineFields,
  ...structuredOutputFields,
};
