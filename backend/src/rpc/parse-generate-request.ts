import { AppError } from "@sluice/shared/errors.ts";
import type { GenerateRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import * as z from "zod";
import type { GenerationRequest } from "#engine/generation.ts";

/** Most stop token ids one request may name. */
const MAX_STOP_TOKEN_IDS = 256;

// Token ids are uint32 by the proto; whether they are in the vocabulary is the engine's to say.
const opaqueName = z.string().max(256);

const schema = z.object({
  requestId: z.string().min(1).max(128),
  promptTokenIds: z.custom<readonly number[]>(),
  sampling: z.object({
    temperature: z.number().min(0).max(100),
    topP: z.number().gt(0).lte(1),
    topK: z.int().min(0),
    seed: z.int().optional(),
  }),
  stopping: z.object({
    maxTokens: z.int().min(1),
    stopTokenIds: z.array(z.number()).max(MAX_STOP_TOKEN_IDS),
  }),
  priority: z.int(),
  cacheSalt: opaqueName,
  tenant: opaqueName,
});

export interface ParsedGenerateRequest extends Omit<GenerationRequest, "sequenceId"> {
  readonly requestId: string;
}

/**
 * @param drawSeed gives the seed of a request that names none: a safe integer.
 * @throws AppError `invalid_value` with the field's name.
 */
export function parseGenerateRequest(message: GenerateRequest, drawSeed: () => number): ParsedGenerateRequest {
  const result = schema.safeParse(message);
  if (!result.success) {
    const issue = result.error.issues[0];
    const param = issue?.path.join(".") ?? "";
    throw new AppError("invalid_value", { param, detail: `${param}: ${issue?.message}` });
  }
  const { sampling, ...rest } = result.data;
  return { ...rest, sampling: { ...sampling, seed: sampling.seed ?? drawSeed() } };
}
