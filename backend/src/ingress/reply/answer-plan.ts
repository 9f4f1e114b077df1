import type { Exchange } from "#ingress/exchange.ts";
import { generateText } from "#ingress/generation/generate-text.ts";
import type { GenerationPlan } from "#ingress/generation/generation.ts";
import { sendJson } from "#ingress/http/send-json.ts";
import { type PingIntervals, SseStream } from "#ingress/http/sse-stream.ts";
import type { Region } from "#ingress/region.ts";
import { jsonReply } from "./json-reply.ts";
import { replyHeaders } from "./reply-headers.ts";
import type { ReplyHead, ReplyShape } from "./reply-shape.ts";
import { streamReply } from "./stream-reply.ts";

const pingIntervals: PingIntervals = { firstMs: 1_000, laterMs: 10_000 };

/** The fields of a request, chat or not, that say how to answer. */
export interface ReplyFields {
  readonly stream?: boolean | null | undefined;
  readonly stream_options?: { readonly include_usage?: boolean | null | undefined } | null | undefined;
}

/** Runs the plan and answers, as a stream or whole, in the words of `Shape`. */
export async function answerPlan(
  plan: GenerationPlan,
  fields: ReplyFields,
  Shape: new (head: ReplyHead) => ReplyShape,
  region: Region,
  exchange: Exchange,
): Promise<void> {
  const { requestId, createdS, response, limits, progress } = exchange;
  const { model, pool } = region;
  const isStream = fields.stream === true;
  const includeUsage = isStream && fields.stream_options?.include_usage === true;
  const shape = new Shape({ requestId, createdS, model: model.id, includeUsage });
  const events = generateText(plan, model, pool, limits, progress);
  if (isStream) {
    const stream = new SseStream(response, pingIntervals, () => replyHeaders(model.id, exchange));
    await streamReply(events, shape, includeUsage, stream, limits.signal);
  } else {
    const whole = await jsonReply(events, shape);
    sendJson(response, 200, whole, replyHeaders(model.id, exchange));
  }
}
