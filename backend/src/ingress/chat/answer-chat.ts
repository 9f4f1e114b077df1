import {
  type ChatCompletionRequest,
  chatCompletionRequestSchema,
} from "@sluice/shared/openai/chat-completion-request.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { Exchange } from "#ingress/exchange.ts";
import type { Region } from "#ingress/region.ts";
import { answerPlans } from "#ingress/reply/answer-plans.ts";
import { ChatReply } from "./chat-reply.ts";
import { FunctionReply } from "./function-reply.ts";
import { functionNames, saysFunctions, withTools } from "./old-functions.ts";
import { planChat } from "./plan-chat.ts";
import { renameParams } from "./rename-params.ts";

/** `POST /v1/chat/completions`. */
export async function answerChat(body: unknown, region: Region, exchange: Exchange): Promise<void> {
  const request = parseRequest(chatCompletionRequestSchema, body);
  if (saysFunctions(request)) return answerFunctions(request, region, exchange);
  await answerPlans([await planChat(request, region, exchange)], request, ChatReply, region, exchange);
}

/** In the words of before there were tools. */
async function answerFunctions(request: ChatCompletionRequest, region: Region, exchange: Exchange): Promise<void> {
  const plan = await planChat(withTools(request), region, exchange).catch((thrown: unknown) => {
    throw renameParams(thrown, functionNames);
  });
  await answerPlans([plan], request, FunctionReply, region, exchange);
}
