import type { InputTokens } from "@sluice/shared/openai/input-tokens.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { type ResponseRequest, responseRequestSchema } from "@sluice/shared/openai/response-request.ts";
import { renderConversation } from "#ingress/chat/conversation.ts";
import { renameParams } from "#ingress/chat/rename-params.ts";
import { planToolUse } from "#ingress/chat/tool-use.ts";
import type { Exchange } from "#ingress/exchange.ts";
import { assertServed, type Region } from "#ingress/region.ts";
import { sendAnswer } from "#ingress/reply/send-answer.ts";
import type { ServedModel } from "#ingress/text/served-model.ts";
import { toChatRequest } from "./chat-request.ts";
import { responseNames } from "./param-names.ts";
import { requestItems } from "./request-items.ts";

/** `POST /v1/responses/input_tokens`: of the conversation as the model would read it, however long. The edge sends it as a response's request. */
export async function answerInputTokens(body: unknown, region: Region, exchange: Exchange): Promise<void> {
  const request = parseRequest(responseRequestSchema, body);
  assertServed(region, request.model);
  const { model } = region;
  const tokens = await model.tokenizer.encodeRendered(render(request, model));
  const answer: InputTokens = { object: "response.input_tokens", input_tokens: tokens.length };
  await sendAnswer(answer, model.id, exchange);
}

function render(request: ResponseRequest, model: ServedModel): string {
  try {
    const chat = toChatRequest(request, requestItems(request.input));
    return renderConversation(chat, planToolUse(chat, model.toolFormat)?.tools, model);
  } catch (thrown) {
    throw renameParams(thrown, responseNames);
  }
}
