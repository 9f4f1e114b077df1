import { AppError } from "@sluice/shared/errors.ts";
import type { ChatCompletionRequest } from "@sluice/shared/openai/chat-completion-request.ts";
import { messageText } from "@sluice/shared/openai/chat-message.ts";
import type { Exchange } from "#ingress/exchange.ts";
import { effectivePriority } from "#ingress/generation/effective-priority.ts";
import type { GenerationPlan, ReasoningPlan } from "#ingress/generation/generation.ts";
import { outputBudget } from "#ingress/generation/output-budget.ts";
import { assertReserved, reservedOutput } from "#ingress/generation/reserved-output.ts";
import { planSampling } from "#ingress/generation/sampling.ts";
import { assertServed, type Region } from "#ingress/region.ts";
import { type ReasoningFormat, reasoningStart } from "#ingress/text/reasoning/reasoning-format.ts";
import { renderConversation } from "./conversation.ts";
import { planChatGrammar } from "./plan-chat-grammar.ts";
import { planToolUse } from "./tool-use.ts";

/** A conversation as a plan that what the edge reserved is enough for. Throws as `draftChat` does, and `reservation_too_small`. */
export async function planChat(
  request: ChatCompletionRequest,
  region: Region,
  exchange: Exchange,
): Promise<GenerationPlan> {
  const plan = await draftChat(request, region, exchange);
  assertReserved([plan], plan.n, exchange);
  return plan;
}

/**
 * A conversation as a plan. Throws what a caller is to be told when it cannot be one, with the parameter's name as chat
 * completions spell it.
 */
export async function draftChat(
  request: ChatCompletionRequest,
  region: Region,
  exchange: Exchange,
): Promise<GenerationPlan> {
  assertServed(region, request.model);
  const { maxModelLen } = region.pool;
  const toolUse = planToolUse(request, region.model.toolFormat);
  const rendered = renderConversation(request, toolUse?.tools, region.model, maxModelLen);
  const reasoning = planReasoning(request, rendered, region.model.reasoningFormat);
  const grammar = planChatGrammar(request, toolUse, reasoning);
  const promptTokenIds = await region.model.tokenizer.encodeRendered(rendered);
  const mayGenerate = outputBudget({
    promptTokens: promptTokenIds.length,
    requested: requestedTokens(request),
    fallback: undefined,
    maxModelLen,
    param: "messages",
  });
  const { requestId, claims } = exchange;
  const choices = { n: request.n ?? 1, firstIndex: 0, isRanked: false };
  const wanted = { promptTokenIds, maxTokens: mayGenerate };
  const isOpenEnded = requestedTokens(request) === undefined;
  const maxTokens = isOpenEnded ? reservedOutput(wanted, choices.n, exchange) : mayGenerate;
  const sampling = planSampling(request, region.model, maxTokens);
  const output = {
    logprobs: requestedLogprobs(request),
    echo: echoedText(request),
    grammar,
    toolFormat: toolUse?.format,
    reasoning,
    returnsTokenIds: request.return_token_ids === true,
  };
  const { org } = claims;
  const caller = { priority: effectivePriority(request, claims.priority), cacheSalt: org, tenant: org };
  return { requestId, promptTokenIds, maxTokens, ...choices, ...caller, ...sampling, ...output };
}

function planReasoning(
  { include_reasoning: isWanted }: ChatCompletionRequest,
  rendered: string,
  format: ReasoningFormat | undefined,
): ReasoningPlan | undefined {
  return format && { format, start: reasoningStart(rendered, format), isTold: isWanted !== false };
}

function requestedTokens(request: ChatCompletionRequest): number | undefined {
  const older = request.max_tokens ?? undefined;
  const newer = request.max_completion_tokens ?? undefined;
  if (older === undefined || newer === undefined) return older ?? newer;
  throw new AppError("invalid_value", {
    param: "max_tokens",
    publicText: "Set either 'max_tokens' or 'max_completion_tokens', not both.",
  });
}

function requestedLogprobs({ logprobs, top_logprobs: numTop }: ChatCompletionRequest): GenerationPlan["logprobs"] {
  if (logprobs === true) return { numTop: numTop ?? 0 };
  if (numTop === null || numTop === undefined) return undefined;
  throw new AppError("invalid_value", {
    param: "top_logprobs",
    publicText: "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
  });
}

/** The message that the answer goes on with, where it is to begin with it. */
function echoedText(request: ChatCompletionRequest): string | undefined {
  const { echo, continue_final_message: isContinued, logprobs, messages } = request;
  const last = messages.at(-1);
  if (echo !== true || last === undefined) return undefined;
  if (isContinued !== true) throw invalidEcho("it is only allowed with 'continue_final_message'");
  if (logprobs === true) throw invalidEcho("it is not allowed with 'logprobs'");
  return messageText(last).trim();
}

function invalidEcho(why: string): AppError {
  return new AppError("invalid_value", { param: "echo", publicText: `Invalid 'echo': ${why}.` });
}
