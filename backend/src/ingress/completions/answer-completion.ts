import { AppError } from "@sluice/shared/errors.ts";
import { type CompletionPrompt, completionRequestSchema } from "@sluice/shared/openai/completion-request.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { Exchange } from "#ingress/exchange.ts";
import { assertMayFit, outputBudget } from "#ingress/generation/output-budget.ts";
import { planSampling } from "#ingress/generation/sampling.ts";
import { assertServed, type Region } from "#ingress/region.ts";
import { answerPlan } from "#ingress/reply/answer-plan.ts";
import type { Tokenizer } from "#ingress/text/tokenizer.ts";
import { CompletionReply } from "./completion-reply.ts";

/** OpenAI's default for this endpoint. */
const defaultMaxTokens = 16;

/** `POST /v1/completions`. */
export async function answerCompletion(body: unknown, region: Region, exchange: Exchange): Promise<void> {
  const request = parseRequest(completionRequestSchema, body);
  assertServed(region, request.model);
  const { maxModelLen } = region.pool;
  const promptTokenIds = await tokenizePrompt(request.prompt, region.model.tokenizer, maxModelLen);
  const maxTokens = outputBudget({
    promptTokens: promptTokenIds.length,
    requested: request.max_tokens ?? undefined,
    fallback: defaultMaxTokens,
    maxModelLen,
    param: "prompt",
  });
  const { requestId, claims } = exchange;
  const sampling = planSampling(request, region.model.samplingDefaults);
  const { priority, org } = claims;
  const plan = { requestId, promptTokenIds, maxTokens, priority, cacheSalt: org, tenant: org, ...sampling };
  await answerPlan(plan, request, CompletionReply, region, exchange);
}

/** At least one token: a model continues, it does not begin. */
async function tokenizePrompt(
  prompt: CompletionPrompt,
  tokenizer: Tokenizer,
  maxModelLen: number,
): Promise<readonly number[]> {
  if (typeof prompt === "string") assertMayFit(prompt.length, tokenizer.longestToken, maxModelLen, "prompt");
  const ids = typeof prompt === "string" ? await tokenizer.encodeRaw(prompt) : prompt;
  const isOfVocabulary = ids.every((id) => id < tokenizer.vocabSize);
  if (ids.length > 0 && isOfVocabulary) return ids;
  throw new AppError("invalid_value", {
    param: "prompt",
    publicText: isOfVocabulary
      ? "The prompt has no tokens."
      : `A token of the prompt is not one of the model's ${tokenizer.vocabSize}.`,
  });
}
