import * as z from "zod/mini";
import type { Completion } from "../../src/openai/completion.ts";
import { finishReason, usage } from "./usage.ts";
import { answerOf } from "./answer-of.ts";

/** Whole answers and stream events have the same shape. */
export const completion = answerOf<Completion>()(
  z.strictObject({
    id: z.string(),
    object: z.literal("text_completion"),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.strictObject({
        index: z.int(),
        text: z.string(),
        logprobs: z.nullable(
          z.strictObject({
            tokens: z.array(z.string()),
            token_logprobs: z.array(z.nullable(z.number())),
            top_logprobs: z.array(z.nullable(z.record(z.string(), z.number()))),
            text_offset: z.array(z.int()),
          }),
        ),
        finish_reason: z.nullable(finishReason),
        token_ids: z.exactOptional(z.array(z.int())),
        prompt_token_ids: z.exactOptional(z.array(z.int())),
      }),
    ),
    usage: z.exactOptional(z.nullable(usage)),
  }),
);
