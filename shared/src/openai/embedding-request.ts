// Source: OpenAI API reference, CreateEmbeddingRequest.
import * as z from "zod/mini";
import { boundedArray } from "./bounded-array.ts";

/** Text, or the token ids of the served model. */
export type EmbeddingInput = string | readonly number[];

/** OpenAI's bound. */
export const maxEmbeddingInputs = 2048;

const tokenIds = z.array(z.number()).check(z.refine((ids) => isTokenIds(ids)));
const textInput = z.string().check(z.minLength(1));

/** One input or a list of them; always a list afterwards. Token ids alone are one input, as OpenAI reads them. */
const inputSchema = z.pipe(
  z.pipe(
    z.unknown(),
    z.transform((value) => (isTokenIds(value) || typeof value === "string" ? [value] : value)),
  ),
  boundedArray(
    z.unknown().check(z.refine((input) => isInput(input))),
    1,
    maxEmbeddingInputs,
  ),
);
