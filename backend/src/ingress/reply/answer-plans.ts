import { AppError } from "@sluice/shared/errors.ts";
import { type RequestedTier, servedTier } from "@sluice/shared/openai/service-tier.ts";
import type { Exchange } from "#ingress/exchange.ts";
import { generateTexts } from "#ingress/generation/generate-texts.ts";
import type { GenerationEvent, GenerationPlan } from "#ingress/generation/generation.ts";
import { type PingIntervals, SseStream } from "#ingress/http/sse-stream.ts";
import type { Region } from "#ingress/region.ts";
import { collectChoices, type WholeChoice } from "./collect-choices.ts";
import { replyHeaders } from "./reply-headers.ts";
import { sendAnswer } from "./send-answer.ts";
import type { ReplyHead, ReplyShape } from "./reply-shape.ts";
import { streamReply } from "./stream-reply.ts";

export const pingIntervals: PingIntervals = { firstMs: 1_000, laterMs: 10_000 };

/** The fields of a request, chat or not, that say how to answer. */
export interface ReplyFields {
  readonly stream?: boolean | null | undefined;
  readonly service_tier?: RequestedTier | null | undefined;
  readonly stream_options?: { readonly include_usage?: boolean | null | undefined } | null | undefined;
}

/**
 * Runs the plans and answers, as a stream or whole, in the words of `Shape`.
 *
 * @param select which of the choices are the answer, when it is given whole; by default all.
 */
export async function answerPlans(
  plans: readonly GenerationPlan[],
  fields: ReplyFields,
  Shape: new (head: ReplyHead) => ReplyShape,
  region: Region,
  exchange: Exchange,
  select: (choices: readonly WholeChoice[]) => readonly WholeChoice[] = (choices) => choices,
): Promise<void> {
  assertStreamOptions(fields);
  const { requestId, createdS, response, limits, progress } = exchange;
  const { model, pool } = region;
  const isStream = fields.stream === true;
  const includeUsage = isStream && fields.stream_options?.include_usage === true;
  const serviceTier = fields.service_tier ? servedTier(fields.service_tier) : undefined;
  const numChoices = plans.reduce((sum, { n }) => sum + n, 0);
  const returnsIds = plans.some((plan) => plan.returnsTokenIds);
  const promptTokenIds = returnsIds ? plans.map((plan) => plan.promptTokenIds) : undefined;
  const head = { requestId, createdS, model: model.id, includeUsage, serviceTier, promptTokenIds, numChoices };
  const shape = new Shape(head);
  const events = timeFirst(generateTexts(plans, model, pool, limits, progress), exchange);
  if (isStream) {
    const stream = new SseStream(response, pingIntervals, () => replyHeaders(model.id, exchange));
    await streamReply(events, shape, numChoices, includeUsage, stream, limits.signal);
  } else {
    const { choices, usage } = await collectChoices(events, numChoices);
    await sendAnswer(shape.whole(select(choices), usage), model.id, exchange);
  }
}

/** Throws as OpenAI does: options of a stream that there will not be would be ignored. */
function assertStreamOptions({ stream, stream_options: options }: ReplyFields): void {
  if (stream === true || options === null || options === undefined) return;
  throw new AppError("invalid_value", {
    param: "stream_options",
    publicText: "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
  });
}

/** The same batches; when the first one came goes on record. */
export async function* timeFirst(
  batches: AsyncIterable<readonly GenerationEvent[]>,
  exchange: Exchange,
): AsyncGenerator<readonly GenerationEvent[]> {
  for await (const events of batches) {
    exchange.progress.firstTextMs ??= exchange.elapsedMs();
    yield events;
  }
}
