import type { Exchange } from "#ingress/exchange.ts";
import type { GenerationEvent } from "#ingress/generation/generation.ts";
import { sendJson } from "#ingress/http/send-json.ts";
import { processingHeaders } from "./processing-headers.ts";
import type { ReplyShape } from "./reply-shape.ts";

/** Answers once, when everything is there. */
export async function jsonReply(
  events: AsyncIterable<GenerationEvent>,
  shape: ReplyShape,
  exchange: Exchange,
): Promise<void> {
  let text = "";
  for await (const event of events) {
    if (event.kind === "text") {
      text += event.text;
    } else {
      exchange.response.setHeaders(new Map(Object.entries(processingHeaders(exchange))));
      sendJson(exchange.response, 200, shape.whole(text, event.finishReason, event.usage));
    }
  }
}
