import { chatCompletionRequestSchema } from "@sluice/shared/openai/chat-completion-request.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { Exchange } from "#ingress/exchange.ts";
import type { Region } from "#ingress/region.ts";
import { answerPlans } from "#ingress/reply/answer-plans.ts";
import { ChatReply } from "./chat-reply.ts";
import { planChat } from "./plan-chat.ts";

/** `POST /v1/chat/completions`. */
export async function answerChat(body: unknown, region: Region, exchange: Exchange): Promise<void> {
  const request = parseRequest(chatCompletionRequestSchema, body);
  await answerPlans([await planChat(request, region, exchange)], request, ChatReply, region, exchange);
}
