import { AppError } from "@sluice/shared/errors.ts";
import {
  type CompletionPrompt,
  type CompletionRequest,
  completionRequestSchema,
} from "@sluice/shared/openai/completion-request.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { Exchange } from "#ingress/exchange.ts";
import { effectivePriority } from "#ingress/generation/effective-priority.ts";
import type { GenerationPlan } from "#ingress/generation/generation.ts";
import { assertMayFit, outputBudget } from "#ingress/generation/output-budget.ts";
import { assertReserved } from "#ingress/generation/reserved-output.ts";
import { type GrammarPlan, planGrammar } from "#ingress/grammar/plan-grammar.ts";
import { planSampling } from "#ingress/generation/sampling.ts";
import { assertServed, type Region } from "#ingress/region.ts";
import { answerPlans } from "#ingress/reply/answer-plans.ts";
import type { WholeChoice } from "#ingress/reply/collect-choices.ts";
import { decodeTokens } from "#ingress/text/detokenizer.ts";
import type { Tokenizer } from "#ingress/text/tokenizer.ts";
import { bestChoices } from "./best-choices.ts";
import { CompletionReply } from "./completion-reply.ts";

/** OpenAI's default for this endpoint. */
const defaultMaxTokens = 16;
/** Over all prompts of a request: about what one engine holds. */
const maxChoices = 256;

/** `POST /v1/completions`. */
export async function answerCompletion(body: unknown, region: Region, exchange: Exchange): Promise<void> {
  const request = parseRequest(completionRequestSchema, body);
  assertServed(region, request.model);
  assertAnswers(request);
  const counts = countChoices(request);
  // Once, however many prompts there are.
  const grammar = planGrammar(request);
  const prompts: PromptPlan[] = [];
  for (const prompt of request.prompt) prompts.push(await planPrompt(prompt, { request, grammar }, region, exchange));
  assertReserved(prompts, counts.bestOf, exchange);
  const plans = prompts.map((prompt, index): GenerationPlan => {
    // The engine tells calls by their ids.
    const requestId = prompts.length === 1 ? exchange.requestId : `${exchange.requestId}.${index}`;
    const choices = { n: counts.bestOf, firstIndex: index * counts.bestOf, isRanked: counts.bestOf > counts.n };
    return { ...prompt, requestId, ...choices };
  });
  const select = (choices: readonly WholeChoice[]) => bestChoices(choices, counts.bestOf, counts.n);
  await answerPlans(plans, request, CompletionReply, region, exchange, select);
}

type PromptPlan = Omit<GenerationPlan, "requestId" | "n" | "firstIndex" | "isRanked">;

async function planPrompt(
  prompt: CompletionPrompt,
  { request, grammar }: { readonly request: CompletionRequest; readonly grammar: GrammarPlan | undefined },
  { model, pool }: Region,
  { claims }: Exchange,
): Promise<PromptPlan> {
  const { maxModelLen } = pool;
  const promptTokenIds = await tokenizePrompt(prompt, model.tokenizer, maxModelLen);
  const maxTokens = outputBudget({
    promptTokens: promptTokenIds.length,
    requested: request.max_tokens ?? undefined,
    fallback: defaultMaxTokens,
    maxModelLen,
    param: "prompt",
  });
  const sampling = planSampling(request, model, maxTokens);
  const logprobs = typeof request.logprobs === "number" ? { numTop: request.logprobs } : undefined;
  const echo = request.echo === true ? promptText(prompt, model.tokenizer) : undefined;
  const { org } = claims;
  const priority = effectivePriority(request, claims.priority);
  return {
    promptTokenIds,
    maxTokens,
    priority,
    cacheSalt: org,
    tenant: org,
    ...sampling,
    logprobs,
    echo,
    grammar,
    toolFormat: undefined,
    reasoning: undefined,
    returnsTokenIds: request.return_token_ids === true,
  };
}

/** How many choices of each prompt are told, and of how many they are the best. */
function countChoices(request: CompletionRequest): { readonly n: number; readonly bestOf: number } {
  const n = request.n ?? 1;
  const bestOf = request.best_of ?? n;
  if (bestOf < n) throw invalidValue("best_of", "expected a value >= 'n'");
  if (bestOf > n && request.stream === true)
    throw invalidValue("best_of", "the best of more than 'n' cannot be streamed");
  const most = Math.floor(maxChoices / request.prompt.length);
  if (bestOf > most) {
    const param = request.best_of === undefined || request.best_of === null ? "n" : "best_of";
    throw invalidValue(param, `expected a value <= ${most} with so many prompts`);
  }
  return { n, bestOf };
}

function invalidValue(param: string, expectation: string): AppError {
  return new AppError("invalid_value", { param, publicText: `Invalid '${param}': ${expectation}.` });
}

/** Without a prompt to repeat, an answer of no tokens would be none. */
function assertAnswers({ max_tokens: maxTokens, echo }: CompletionRequest): void {
  if (maxTokens !== 0 || echo === true) return;
  throw invalidValue("max_tokens", "expected a value >= 1, or 'echo'");
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
