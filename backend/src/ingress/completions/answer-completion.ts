import { AppError } from "@sluice/shared/errors.ts";
import {
  type CompletionPrompt,
  type CompletionRequest,
  completionRequestSchema,
} from "@sluice/shared/openai/completion-request.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { Exchange } from "#ingress/exchange.ts";
import { assertMayFit, outputBudget } from "#ingress/generation/output-budget.ts";
import { planSampling } from "#ingress/generation/sampling.ts";
import { assertServed, type Region } from "#ingress/region.ts";
import { answerPlan } from "#ingress/reply/answer-plan.ts";
import { decodeTokens } from "#ingress/text/detokenizer.ts";
import type { Tokenizer } from "#ingress/text/tokenizer.ts";
import { CompletionReply } from "./completion-reply.ts";

/** OpenAI's default for this endpoint. */
const defaultMaxTokens = 16;

/** `POST /v1/completions`. */
export async function answerCompletion(body: unknown, region: Region, exchange: Exchange): Promise<void> {
  const request = parseRequest(completionRequestSchema, body);
  assertServed(region, request.model);
  assertAnswers(request);
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
  const sampling = planSampling(request, region.model, maxTokens);
  const logprobs = typeof request.logprobs === "number" ? { numTop: request.logprobs } : undefined;
  const echo = request.echo === true ? promptText(request.prompt, region.model.tokenizer) : undefined;
  const output = { logprobs, echo };
  const { priority, org } = claims;
  const caller = { priority, cacheSalt: org, tenant: org };
  const plan = { requestId, promptTokenIds, maxTokens, ...caller, ...sampling, ...output };
  await answerPlan(plan, request, CompletionReply, region, exchange);
}

/** Without a prompt to repeat, an answer of no tokens would be none. */
function assertAnswers({ max_tokens: maxTokens, echo }: CompletionRequest): void {
  if (maxTokens !== 0 || echo === true) return;
  const publicText = "Invalid 'max_tokens': expected a value >= 1, or 'echo'.";
  throw new AppError("invalid_value", { param: "max_tokens", publicText });
}

/** The prompt as the caller wrote it; tokens as the model reads them, control tokens left out. */
function promptText(prompt: CompletionPrompt, { tokenBytes }: Tokenizer): string {
  return typeof prompt === "string" ? prompt : decodeTokens(prompt, tokenBytes);
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
