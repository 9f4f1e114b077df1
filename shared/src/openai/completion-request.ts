import * as z from "zod/mini";
import { generationFields } from "./generation-fields.ts";
import { unsupported } from "./unsupported.ts";

/** Text, or the token ids of the served model. */
export type CompletionPrompt = string | readonly number[];

const maxPrompts = 128;

/** One prompt, or a list of them; as a list. */
const promptSchema = z.pipe(
  z.unknown().check(
    z.refine((value) => promptsOf(value).length <= maxPrompts && promptsOf(value).every(isPrompt), {
      error: `expected a text, a list of token ids that is not empty, or at most ${maxPrompts} of them`,
    }),
  ),
  z.transform((value): readonly CompletionPrompt[] => promptsOf(value) as CompletionPrompt[]),
);

/** The body of `POST /v1/completions`. */
export const completionRequestSchema = z.strictObject({
  ...generationFields,
  prompt: promptSchema,
  /** 0 only with `echo`. */
  max_tokens: z.nullish(z.int().check(z.minimum(0))),
  /** Whether the answer begins with the prompt; with `logprobs`, the prompt's tokens have theirs too. */
  echo: z.nullish(z.boolean()),
  logprobs: z.nullish(z.int().check(z.minimum(0), z.maximum(5))),

  /** Of how many choices, for each prompt, the `n` are the best. */
  best_of: z.nullish(z.int().check(z.minimum(1), z.maximum(20))),

  suffix: unsupported(""),
});

export type CompletionRequest = z.infer<typeof completionRequestSchema>;

/** A list of token ids is one prompt; so is whatever else is no list. */
function promptsOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) && value.length > 0 && typeof value[0] !== "number" ? value : [value];
}

// Written out, because a schema of unions would look at each of a million tokens four times.
function isPrompt(value: unknown): value is CompletionPrompt {
  if (typeof value === "string") return true;
  return Array.isArray(value) && value.length > 0 && value.every((id) => Number.isSafeInteger(id) && id >= 0);
}
