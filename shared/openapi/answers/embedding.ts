import * as z from "zod/mini";
import type { EmbeddingList } from "../../src/openai/embedding.ts";
import { answerOf } from "./answer-of.ts";

export const embeddingList = answerOf<EmbeddingList>()(
  z.strictObject({
    object: z.literal("list"),
    data: z.array(
      z.strictObject({
        object: z.literal("embedding"),
        index: z.int(),
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    model: z.string(),
    usage: z.strictObject({ prompt_tokens: z.int(), total_tokens: z.int() }),
  }),
);
