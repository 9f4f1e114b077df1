import * as z from "zod/mini";
import type { Detokenization, Tokenization } from "../../src/openai/tokenization.ts";
import { answerOf } from "./answer-of.ts";

export const tokenization = answerOf<Tokenization>()(
  z.strictObject({
    count: z.int(),
    max_model_len: z.int(),
    tokens: z.array(z.int()),
    token_strs: z.nullable(z.array(z.string())),
  }),
);

export const detokenization = answerOf<Detokenization>()(z.strictObject({ prompt: z.string() }));
