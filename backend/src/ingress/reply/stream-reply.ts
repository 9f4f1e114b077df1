import type { Exchange } from "#ingress/exchange.ts";
import type { GenerationEvent } from "#ingress/generation/generation.ts";
import { type PingIntervals, SseStream } from "#ingress/http/sse-stream.ts";
import { processingHeaders } from "./processing-headers.ts";
import type { ReplyShape } from "./reply-shape.ts";

const pingIntervals: PingIntervals = { firstMs: 1_000, laterMs: 10_000 };

/**
 * Answers with server-sent events. Text is asked for only as fast as the client takes it. Whatever goes wrong is thrown,
 * and the response left open for `renderError`.
 */
export async function streamReply(
  events: AsyncIterable<GenerationEvent>,
  shape: ReplyShape,
  includeUsage: boolean,
  exchange: Exchange,
): Promise<void> {
  const stream = new SseStream(exchange.response, pingIntervals, () => processingHeaders(exchange));
  const opening = shape.opening();
  let unsent = opening === undefined ? [] : [opening];
  try {
    for await (const event of events) {
      const payloads = event.kind === "text" ? [shape.text(event.text)] : [shape.closing(event.finishReason)];
      if (event.kind === "end" && includeUsage) payloads.push(shape.usage(event.usage));
      await stream.send([...unsent, ...payloads], exchange.limits.signal);
      unsent = [];
    }
    stream.done();
  } finally {
    stream.stop();
  }
}
