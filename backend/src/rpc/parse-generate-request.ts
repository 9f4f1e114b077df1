import type { GenerateRequest } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import * as z from "zod";
import type { GenerationRequest } from "#engine/generation.ts";
import { MAX_TOP_LOGPROBS } from "#engine/sampling/logprobs.ts";
import { parseMessage } from "./parse-message.ts";

/** Most stop token ids one request may name. */
const MAX_STOP_TOKEN_IDS = 256;
/** Most choices of one request; OpenAI's own bound. */
const MAX_CHOICES = 128;
/** Each costs some work at every token of the request. */
const MAX_LOGIT_BIASES = 1024;

const adjustmentsSchema = z.object({
  presencePenalty: z.number().min(-2).max(2),
  frequencyPenalty: z.number().min(-2).max(2),
  // With these bounds no finite logit becomes infinite.
  repetitionPenalty: z.number().min(0.001).max(1000),
  logitBias: z.array(z.object({ tokenId: z.number(), bias: z.number().min(-100).max(100) })).max(MAX_LOGIT_BIASES),
});

export const opaqueName = z.string().max(256);

// Token ids are uint32 by the proto; whether they are in the vocabulary is the engine's to say.
const schema = z.object({
  requestId: z.string().min(1).max(256),
  promptTokenIds: z.custom<readonly number[]>(),
  sampling: z.object({
    temperature: z.number().min(0).max(100),
    topP: z.number().gt(0).lte(1),
    topK: z.int().min(0),
    minP: z.number().min(0).max(1).optional(),
    seed: z.int().optional(),
    adjustments: adjustmentsSchema.optional(),
  }),
  stopping: z
    .object({
      maxTokens: z.int().min(0),
      stopTokenIds: z.array(z.number()).max(MAX_STOP_TOKEN_IDS),
      minTokens: z.int().min(0).optional(),
    })
    .refine(({ minTokens = 0, maxTokens }) => minTokens <= maxTokens, { path: ["minTokens"] }),
  priority: z.int(),
  cacheSalt: opaqueName,
  tenant: opaqueName,
  grammar: z
    .object({ ebnf: z.string().min(1) })
    .transform(({ ebnf }) => ebnf)
    .optional(),
  logprobs: z.object({ numTop: z.int().min(0).max(MAX_TOP_LOGPROBS), prompt: z.boolean() }).optional(),
  n: z.int().min(1).max(MAX_CHOICES).default(1),
});

export interface ParsedGenerateRequest extends Omit<GenerationRequest, "sequenceId" | "forkIds" | "grammar"> {
  readonly requestId: string;
  /** How many choices. */
  readonly n: number;
  /** In XGrammar's EBNF. Absent: none. */
  readonly grammar?: string | undefined;
}

/**
 * @param drawSeed gives the seed of a request that names none: a safe integer.
 * @throws AppError `invalid_value` with the field's name.
 */
export function parseGenerateRequest(message: GenerateRequest, drawSeed: () => number): ParsedGenerateRequest {
  const { sampling, ...rest } = parseMessage(schema, message);
  return { ...rest, sampling: { ...sampling, seed: sampling.seed ?? drawSeed() } };
}
