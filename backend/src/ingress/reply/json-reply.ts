import type { GenerationEvent } from "#ingress/generation/generation.ts";
import type { ReplyShape } from "./reply-shape.ts";

/** The whole answer, once everything is there. */
export async function jsonReply(events: AsyncIterable<GenerationEvent>, shape: ReplyShape): Promise<unknown> {
  let text = "";
  let whole: unknown;
  for await (const event of events) {
    if (event.kind === "text") text += event.text;
    else whole = shape.whole(text, event.finishReason, event.usage);
  }
  return whole;
}
