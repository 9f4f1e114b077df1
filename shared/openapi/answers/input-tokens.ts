import * as z from "zod/mini";
import type { InputTokens } from "../../src/openai/input-tokens.ts";
import { answerOf } from "./answer-of.ts";

export const inputTokens = answerOf<InputTokens>()(
  z.strictObject({ object: z.literal("response.input_tokens"), input_tokens: z.int() }),
);
