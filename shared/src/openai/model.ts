import * as z from "zod/mini";

/** A served model, as `GET /v1/models` lists it. What OpenAI's have not is vLLM's, but for the capabilities. */
export const modelSchema = z.object({
  id: z.string(),
  object: z.literal("model"),
  /** Seconds since the Unix epoch. */
  created: z.int(),
  owned_by: z.string(),
  /** Most tokens of prompt and output together; absent while no engine is there to ask. */
  max_model_len: z.exactOptional(z.int()),
  /** What it can be asked for. */
  capabilities: z.object({
    chat: z.boolean(),
    completions: z.boolean(),
    embeddings: z.boolean(),
    /** Whether `tools` can be given. */
    tools: z.boolean(),
    structured_output: z.boolean(),
    /** Whether it thinks before it answers, and its thoughts are told apart. */
    reasoning: z.boolean(),
  }),
});

export type Model = z.infer<typeof modelSchema>;

export interface ModelList {
  readonly object: "list";
  readonly data: readonly Model[];
}
