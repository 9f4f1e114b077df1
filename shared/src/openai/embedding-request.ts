// Source: OpenAI API reference, CreateEmbeddingRequest.
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";

/** Text, or the token ids of the served model; neither is empty. */
export type EmbeddingInput = string | readonly number[];

const expected = "expected a text or a list of token ids, neither of them empty";

/** OpenAI's bound. */
const maxInputs = 2048;

const item = z.pipe(
  z.unknown().check(z.refine(isInput, { error: expected })),
  z.transform((value) => value as EmbeddingInput),
);

/** One input or a list of them, as a list. Numbers alone are one input, as OpenAI reads them. */
const inputs = z.pipe(
  z.pipe(
    z.unknown().check(z.refine((value) => !isAlone(value) || isInput(value), { error: expected })),
    z.transform((value) => (isAlone(value) ? [value] : value)),
  ),
  boundedArray(item, 1, maxInputs),
);

/** The body of `POST /v1/embeddings`. */
export const embeddingRequestSchema = z.strictObject({
  model: z.string(),
  input: inputs,
  /** How many of an embedding's numbers are wanted, from the first. */
  dimensions: z.nullish(z.int().check(z.minimum(1))),
  encoding_format: z.nullish(z.enum(["float", "base64"])),

  // Accepted and without effect on the output.
  user: z.nullish(z.string()),
});

export type EmbeddingRequest = z.infer<typeof embeddingRequestSchema>;

// Written out, because a schema of unions would look at each of a million tokens four times.
function isInput(value: unknown): boolean {
  if (typeof value === "string") return value !== "";
  return isNumbers(value) && value.every((id) => Number.isSafeInteger(id) && id >= 0);
}

function isAlone(value: unknown): boolean {
  return typeof value === "string" || isNumbers(value);
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "number");
}
