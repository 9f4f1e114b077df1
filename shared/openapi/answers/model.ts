import * as z from "zod/mini";
import type { Model, ModelList } from "../../src/openai/model.ts";
import { answerOf } from "./answer-of.ts";

export const model = answerOf<Model>()(
  z.strictObject({
    id: z.string(),
    object: z.literal("model"),
    created: z.int(),
    owned_by: z.string(),
  }),
);

export const modelList = answerOf<ModelList>()(
  z.strictObject({
    object: z.literal("list"),
    data: z.array(model),
  }),
);
