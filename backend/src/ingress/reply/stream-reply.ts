import type { GenerationEvent } from "#ingress/generation/generation.ts";
import type { SseStream } from "#ingress/http/sse-stream.ts";
import type { ReplyShape } from "./reply-shape.ts";

/**
 * Answers with server-sent events. Text is asked for only as fast as the client takes it. Whatever goes wrong is thrown,
 * and the response left open for `renderError`.
 */
export async function streamReply(
  events: AsyncIterable<GenerationEvent>,
  shape: ReplyShape,
  includeUsage: boolean,
  stream: SseStream,
  signal: AbortSignal,
): Promise<void> {
  const opening = shape.opening();
  let unsent = opening === undefined ? [] : [opening];
  try {
    for await (const event of events) {
      const payloads = event.kind === "text" ? [shape.text(event)] : [shape.closing(event.finishReason)];
      if (event.kind === "end" && includeUsage) payloads.push(shape.usage(event.usage));
      await stream.send([...unsent, ...payloads], signal);
      unsent = [];
    }
    stream.done();
  } finally {
    stream.stop();
  }
}
