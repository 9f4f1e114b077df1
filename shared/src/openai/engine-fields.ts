// What the open engines let a caller ask for beyond OpenAI, in vLLM's words, of chats and text completions alike.
// Source: vLLM docs, "OpenAI-Compatible Server", extra parameters; vllm/entrypoints/openai/protocol.py.
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";
import { unsupported, unsupportedUnlessEmpty } from "./unsupported.ts";

const maxStopTokenIds = 128;
const maxPriority = 1_000_000;

const count = z.int().check(z.minimum(0), z.maximum(2 ** 31 - 1));

export const engineFields = {
  /** 0 and -1 keep all tokens. */
  top_k: z.nullish(z.int().check(z.minimum(-1), z.maximum(2 ** 31 - 1))),
  /** The share of the likeliest token's probability that a token must have; 0 keeps all tokens. */
  min_p: z.nullish(z.number().check(z.minimum(0), z.maximum(1))),
  /** 1 is none. Wide enough for every use, and narrow enough that no logit becomes infinite. */
  repetition_penalty: z.nullish(z.number().check(z.minimum(0.01), z.maximum(100))),
  /** The answer does not end before it has so many tokens. */
  min_tokens: z.nullish(count),
  /** Token ids that end the answer, beside the model's own. */
  stop_token_ids: z.nullish(boundedArray(count, 0, maxStopTokenIds)),
  /** Whether the model's own stop tokens are tokens like any other. */
  ignore_eos: z.nullish(z.boolean()),
  /** Lower runs first; 0 is the default. Ahead of what the caller's key grants is as far as that. */
  priority: z.nullish(z.int().check(z.minimum(-maxPriority), z.maximum(maxPriority))),
  /** Whether the answer tells the token ids of prompt and output. */
  return_token_ids: z.nullish(z.boolean()),

  // What asks for nothing is let pass: clients written for vLLM send its defaults.
  use_beam_search: unsupported(false),
  length_penalty: unsupported(1),
  early_stopping: unsupported(false),
  include_stop_str_in_output: unsupported(false),
  skip_special_tokens: unsupported(true),
  spaces_between_special_tokens: unsupported(true),
  truncate_prompt_tokens: unsupported(),
  prompt_logprobs: unsupported(),
  allowed_token_ids: unsupportedUnlessEmpty(),
  bad_words: unsupportedUnlessEmpty(),
  logits_processors: unsupportedUnlessEmpty(),
  return_tokens_as_token_ids: unsupported(false),
};
