import type { Exchange } from "#ingress/exchange.ts";
import { generateText } from "#ingress/generation/generate-text.ts";
import type { GenerationPlan } from "#ingress/generation/generation.ts";
import type { Region } from "#ingress/region.ts";
import { jsonReply } from "./json-reply.ts";
import type { ReplyHead, ReplyShape } from "./reply-shape.ts";
import { streamReply } from "./stream-reply.ts";

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
  const isStream = fields.stream === true;
  const includeUsage = isStream && fields.stream_options?.include_usage === true;
  const createdS = Math.floor(Date.now() / 1000);
  const shape = new Shape({ requestId: exchange.requestId, createdS, model: region.model.id, includeUsage });
  const events = generateText(plan, region.model, region.pool, exchange.limits, exchange.progress);
  if (isStream) await streamReply(events, shape, includeUsage, exchange);
  else await jsonReply(events, shape, exchange);
}
