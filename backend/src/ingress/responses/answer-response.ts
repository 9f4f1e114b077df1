import { AppError } from "@sluice/shared/errors.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { describeResponse } from "@sluice/shared/openai/response.ts";
import { responseRequestSchema } from "@sluice/shared/openai/response-request.ts";
import { encodeTypedEvent } from "@sluice/shared/sse.ts";
import type { Exchange } from "#ingress/exchange.ts";
import { generateText } from "#ingress/generation/generate-text.ts";
import type { GenerationEvent } from "#ingress/generation/generation.ts";
import { SseStream } from "#ingress/http/sse-stream.ts";
import type { Region } from "#ingress/region.ts";
import { pingIntervals, timeFirst } from "#ingress/reply/answer-plans.ts";
import { replyHeaders } from "#ingress/reply/reply-headers.ts";
import { sendAnswer } from "#ingress/reply/send-answer.ts";
import { planResponse } from "./plan-response.ts";
import { ResponseWriter } from "./response-writer.ts";

/** `POST /v1/responses`: one answer from what the request holds. What is kept of it, and where, is the edge's business. */
export async function answerResponse(body: unknown, region: Region, exchange: Exchange): Promise<void> {
  const request = parseRequest(responseRequestSchema, body);
  const plan = await planResponse(request, region, exchange);
  const { requestId, createdS, claims, limits, progress, response } = exchange;
  const { model, pool } = region;
  const id = claims.responseId ?? `resp_${requestId}`;
  const defaults = model.samplingDefaults;
  const writer = new ResponseWriter(
    describeResponse(request, { id, createdS, defaults }, "in_progress"),
    requestId,
    () => Math.floor(createdS + exchange.elapsedMs() / 1000),
  );
  const batches = timeFirst(generateText(plan, model, pool, limits, progress), exchange);
  if (request.stream === true) {
    const stream = new SseStream(response, pingIntervals, () => replyHeaders(model.id, exchange), encodeTypedEvent);
    await streamResponse(batches, writer, stream, exchange);
  } else {
    for await (const events of batches) for (const event of events) writer.push(event);
    await sendAnswer(writer.response, model.id, exchange);
  }
}

/**
 * What goes wrong before the first event is thrown, and is an ordinary answer. After it the response says itself that it
 * failed, in its last event, and the failure is thrown for the record.
 */
async function streamResponse(
  batches: AsyncIterable<readonly GenerationEvent[]>,
  writer: ResponseWriter,
  stream: SseStream<{ readonly type: string }>,
  { response, limits: { signal } }: Exchange,
): Promise<void> {
  let opening: ReturnType<ResponseWriter["begin"]> | undefined = writer.begin();
  try {
    for await (const events of batches) {
      const written = events.flatMap((event) => writer.push(event));
      await stream.send([...(opening ?? []), ...written], signal);
      opening = undefined;
    }
    stream.end();
  } catch (thrown) {
    const error = AppError.from(thrown);
    if (response.headersSent && error.code !== "request_cancelled" && !response.destroyed) {
      response.write([...(opening ?? []), ...writer.fail(error)].map(encodeTypedEvent).join(""));
      stream.end();
    }
    throw error;
  } finally {
    stream.stop();
  }
}
