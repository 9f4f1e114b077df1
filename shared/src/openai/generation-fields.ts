// What chat completions and text completions ask for in the same words.
// Source: OpenAI API reference, CreateChatCompletionRequest and CreateCompletionRequest.
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { logitBiasSchema } from "./logit-bias.ts";
import { structuredOutputFields } from "./structured-output.ts";

const maxStopLength = 1024;
const maxStopTokenIds = 128;
const maxPriority = 1_000_000;

const penalty = z.nullish(z.number().check(z.minimum(-2), z.maximum(2)));
const count = z.int().check(z.minimum(0), z.maximum(2 ** 31 - 1));

/** Well formed, so that a match can never begin or end inside a surrogate pair. */
const stopString = z
  .string()
  .check(z.minLength(1), z.maxLength(maxStopLength))
  .check(z.refine((stop) => stop.isWellFormed()));

const isRecord = (value: unknown): boolean => typeof value === "object" && !Array.isArray(value);

export const generationFields = {
  model: z.string(),
  temperature: z.nullish(z.number().check(z.minimum(0), z.maximum(2))),
  /** 0 keeps only the most likely token, as OpenAI reads it. */
  top_p: z.nullish(z.number().check(z.minimum(0), z.maximum(1))),
  frequency_penalty: penalty,
  presence_penalty: penalty,
  logit_bias: z.nullish(logitBiasSchema),
  seed: z.nullish(z.int()),
  /** How urgent it is, within what the caller's key grants. */
  service_tier: z.nullish(z.enum(["auto", "default", "flex", "scale", "priority"])),
  /** How many choices. */
  n: z.nullish(z.int().check(z.minimum(1), z.maximum(128))),
  stop: z.nullish(z.union([stopString, boundedArray(stopString, 1, 4)])),
  stream: z.nullish(z.boolean()),
  stream_options: z.nullish(
    z.strictObject({
      include_usage: z.nullish(z.boolean()),
      /** Padding against traffic analysis; the transport under us is the place for it. */
      include_obfuscation: z.nullish(z.boolean()),
    }),
  ),

  // Not OpenAI's, but the open engines', in vLLM's words.
  /** 0 keeps all tokens. */
  top_k: z.nullish(count),
  /** The share of the likeliest token's probability that a token must have; 0 keeps all tokens. */
  min_p: z.nullish(z.number().check(z.minimum(0), z.maximum(1))),
  /** 1 is none. Wide enough for every use, and narrow enough that no logit becomes infinite. */
  repetition_penalty: z.nullish(z.number().check(z.minimum(0.01), z.maximum(100))),
  /** The answer does not end before it has so many tokens. */
  min_tokens: z.nullish(count),
  /** Token ids that end the answer, beside the model's own. */
  stop_token_ids: z.nullish(boundedArray(count, 0, maxStopTokenIds)),
  /** Lower runs first; 0 is the default. Ahead of what the caller's key grants is as far as that. */
  priority: z.nullish(z.int().check(z.minimum(-maxPriority), z.maximum(maxPriority))),
  /** Whether the model's own stop tokens are tokens like any other. */
  ignore_eos: z.nullish(z.boolean()),

  ...structuredOutputFields,

  // Accepted and without effect on the output.
  user: z.nullish(z.string()),
  safety_identifier: z.nullish(z.string()),
  prompt_cache_key: z.nullish(z.string()),
  prompt_cache_retention: z.nullish(z.string()),
  metadata: z.nullish(z.unknown().check(z.refine(isRecord))),
};
