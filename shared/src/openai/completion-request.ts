import * as z from "zod/mini";
import { generationFields } from "./generation-fields.ts";
import { unsupported, unsupportedMark } from "./unsupported.ts";

/** Text, or the token ids of the served model. */
export type CompletionPrompt = string | readonly number[];

/** OpenAI takes many prompts in one request; we take one, alone or in a list of one. */
const promptSchema = z.pipe(
  z
    .unknown()
    .check(z.refine((value) => isPrompt(onlyItem(value)) || isBatch(value)))
    .check(z.refine((value) => !isBatch(value), { params: unsupportedMark, abort: true })),
  z.transform((value): CompletionPrompt => onlyItem(value) as CompletionPrompt),
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

  best_of: unsupported(1),
  suffix: unsupported(""),
});

export type CompletionRequest = z.infer<typeof completionRequestSchema>;

/** The item of a list of one prompt; any other value as it is. */
function onlyItem(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 && typeof value[0] !== "number" ? value[0] : value;
}

function isBatch(value: unknown): boolean {
  return Array.isArray(value) && value.length > 1 && typeof value[0] !== "number";
}

// Written out, because a schema of unions would look at each of a million tokens four times.
function isPrompt(value: unknown): value is CompletionPrompt {
  if (typeof value === "string") return true;
  return Array.isArray(value) && value.length > 0 && value.every((id) => Number.isSafeInteger(id) && id >= 0);
}
