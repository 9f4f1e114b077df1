import * as z from "zod/mini";
import type { Model, ModelList } from "../../src/openai/model.ts";
import { answerOf } from "./answer-of.ts";

export const model = answerOf<Model>()(
  z.strictObject({
    id: z.string(),
    object: z.literal("model"),
    created: z.int(),
    owned_by: z.string(),
    max_model_len: z.exactOptional(z.int()),
    capabilities: z.strictObject({
      chat: z.boolean(),
      completions: z.boolean(),
      embeddings: z.boolean(),
      tools: z.boolean(),
      structured_output: z.boolean(),
      reasoning: z.boolean(),
    }),
  }),
);

export const modelList = answerOf<ModelList>()(
  z.strictObject({
    object: z.literal("list"),
    data: z.array(model),
  }),
);
