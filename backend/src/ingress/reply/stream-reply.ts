import type { GenerationEvent } from "#ingress/generation/generation.ts";
import type { SseStream } from "#ingress/http/sse-stream.ts";
import type { ReplyShape } from "./reply-shape.ts";

/**
 * Answers with server-sent events. Text is asked for only as fast as the client takes it. Whatever goes wrong is thrown,
 * and the response left open for `renderError`.
 */
export async function streamReply(
  batches: AsyncIterable<readonly GenerationEvent[]>,
  shape: ReplyShape,
  numChoices: number,
  includeUsage: boolean,
  stream: SseStream,
  signal: AbortSignal,
): Promise<void> {
  const openings = Array.from({ length: numChoices }, (_, index) => shape.opening(index));
  let unsent = openings.filter((opening) => opening !== undefined);
  try {
    for await (const events of batches) {
      const payloads = events.map((event) => toPayload(event, shape, includeUsage));
      unsent.push(...payloads.filter((payload) => payload !== undefined));
      if (unsent.length > 0) await stream.send(unsent, signal);
      unsent = [];
    }
    stream.done();
  } finally {
    stream.stop();
  }
}

/** Undefined when the client did not ask for it. */
function toPayload(event: GenerationEvent, shape: ReplyShape, includeUsage: boolean): unknown {
  switch (event.kind) {
    case "text":
      return shape.text(event.index, event);
    case "reasoning":
      return shape.reasoning(event.index, event);
    case "callStart":
      return shape.toolCall(event.index, event.call, event.name, "");
    case "callArguments":
      return shape.toolCall(event.index, event.call, undefined, event.text);
    case "end":
      return shape.closing(event.index, event.finishReason);
    case "usage":
      return includeUsage ? shape.usage(event.usage) : undefined;
  }
}
