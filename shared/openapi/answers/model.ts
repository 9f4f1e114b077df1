import * as z from "zod/mini";
import type { Model, ModelList } from "../../src/openai/model.ts";

export const model = z.strictObject({
  id: z.string(),
  object: z.literal("model"),
  created: z.int(),
  owned_by: z.string(),
}) satisfies z.ZodMiniType<Model>;

export const modelList = z.strictObject({
  object: z.literal("list"),
  data: z.array(model),
}) satisfies z.ZodMiniType<ModelList>;
