import { AppError } from "@sluice/shared/errors.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { Tokenization } from "@sluice/shared/openai/tokenization.ts";
import { type TokenizeRequest, tokenizeRequestSchema } from "@sluice/shared/openai/tokenize-request.ts";
import { renderConversation } from "#ingress/chat/conversation.ts";
import type { Exchange } from "#ingress/exchange.ts";
import { assertServed, type Region } from "#ingress/region.ts";
import { sendAnswer } from "#ingress/reply/send-answer.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";

/** `POST /v1/tokenize`: the tokens of a prompt, or of a conversation as the model would read it. Longer ones than it takes, too. */
export async function answerTokenize(body: unknown, region: Region, exchange: Exchange): Promise<void> {
  const request = parseRequest(tokenizeRequestSchema, body);
  assertServed(region, request.model);
  const { model, pool } = region;
  const tokens = await tokenize(request, model);
  const tokenization: Tokenization = {
    count: tokens.length,
    max_model_len: pool.maxModelLen,
    tokens,
    token_strs:
      request.return_token_strs === true ? tokens.map((id) => model.tokenizer.tokenBytes.spellingOf(id)) : null,
  };
  await sendAnswer(tokenization, model.id, exchange);
}

async function tokenize(request: TokenizeRequest, model: ServedModel): Promise<readonly number[]> {
  const { prompt, messages, add_special_tokens: isSpecial } = request;
  if (!messages) {
    if (typeof prompt !== "string") throw refusal("prompt", "give either 'prompt' or 'messages'");
    const stray = chatOnly.find((name) => request[name] !== null && request[name] !== undefined);
    if (stray !== undefined) throw refusal(stray, "it is only allowed with 'messages'");
    return isSpecial === false ? model.tokenizer.encodeBare(prompt) : model.tokenizer.encodeRaw(prompt);
  }
  if (typeof prompt === "string") throw refusal("prompt", "give either 'prompt' or 'messages'");
  if (isSpecial === true) throw refusal("add_special_tokens", "the chat template writes them itself");
  const rendered = renderConversation({ ...request, messages }, request.tools ?? undefined, model);
  return model.tokenizer.encodeRendered(rendered);
}

const chatOnly = [
  "tools",
  "reasoning_effort",
  "chat_template_kwargs",
  "add_generation_prompt",
  "continue_final_message",
] as const;

function refusal(param: string, why: string): AppError {
  return new AppError("invalid_value", { param, publicText: `Invalid '${param}': ${why}.` });
}
