import { AppError } from "@sluice/shared/errors.ts";
import type { LogitBias } from "@sluice/shared/openai/logit-bias.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";
import type { GenerationPlan } from "./generation.ts";

/** The fields of a request, chat or not, that say how to sample and when to stop. */
export interface SamplingFields {
  readonly temperature?: number | null | undefined;
  readonly top_p?: number | null | undefined;
  readonly top_k?: number | null | undefined;
  readonly min_p?: number | null | undefined;
  readonly presence_penalty?: number | null | undefined;
  readonly frequency_penalty?: number | null | undefined;
  readonly repetition_penalty?: number | null | undefined;
  readonly logit_bias?: readonly LogitBias[] | null | undefined;
  readonly seed?: number | null | undefined;
  readonly stop?: string | readonly string[] | null | undefined;
  readonly stop_token_ids?: readonly number[] | null | undefined;
  readonly ignore_eos?: boolean | null | undefined;
  readonly min_tokens?: number | null | undefined;
}

type SamplingPlan = Omit<
  GenerationPlan,
  | "requestId"
  | "promptTokenIds"
  | "n"
  | "firstIndex"
  | "isRanked"
  | "maxTokens"
  | "priority"
  | "cacheSalt"
  | "tenant"
  | "logprobs"
  | "echo"
  | "grammar"
  | "toolFormat"
  | "reasoning"
  | "returnsTokenIds"
>;

/** A nucleus of no mass keeps the most likely token, which every positive mass does too. */
const leastMass = 1e-6;

/**
 * What the request says, and the model's defaults for what it does not. Throws `invalid_value` for tokens that the model
 * does not have, and for a least length beyond `maxTokens`.
 */
export function planSampling(fields: SamplingFields, model: ServedModel, maxTokens: number): SamplingPlan {
  const { samplingDefaults: defaults, tokenizer } = model;
  const logitBias = fields.logit_bias ?? [];
  const stopTokenIds = fields.stop_token_ids ?? [];
  const minTokens = fields.min_tokens ?? 0;
  for (const { tokenId } of logitBias) assertToken(tokenId, tokenizer.vocabSize, "logit_bias");
  for (const tokenId of stopTokenIds) assertToken(tokenId, tokenizer.vocabSize, "stop_token_ids");
  if (minTokens > maxTokens) throw tooManyLeastTokens(maxTokens);
  return {
    temperature: fields.temperature ?? defaults.temperature,
    topP: Math.max(fields.top_p ?? defaults.topP, leastMass),
    topK: Math.max(fields.top_k ?? defaults.topK, 0),
    minP: fields.min_p ?? defaults.minP,
    presencePenalty: fields.presence_penalty ?? 0,
    frequencyPenalty: fields.frequency_penalty ?? 0,
    repetitionPenalty: fields.repetition_penalty ?? defaults.repetitionPenalty,
    logitBias,
    seed: fields.seed ?? undefined,
    minTokens,
    stopStrings: [fields.stop ?? []].flat(),
    stopTokenIds: [...new Set([...(fields.ignore_eos === true ? [] : model.stopTokenIds), ...stopTokenIds])],
  };
}

function assertToken(tokenId: number, vocabSize: number, param: string): void {
  if (tokenId < vocabSize) return;
  const publicText = `Invalid '${param}': a token id is not one of the model's ${vocabSize}.`;
  throw new AppError("invalid_value", { param, publicText });
}

function tooManyLeastTokens(maxTokens: number): AppError {
  const publicText = `Invalid 'min_tokens': the output can have at most ${maxTokens} tokens.`;
  return new AppError("invalid_value", { param: "min_tokens", publicText });
}
