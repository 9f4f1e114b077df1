import { EventSourceParserStream, type EventSourceMessage } from "eventsource-parser/stream";

export interface StreamCheck {
  /** With the JSON of each event. Throws what is wrong with it. */
  readonly onEvent: (payload: unknown) => void;
  /** With the last message, `[DONE]` too. Throws when it may not be the last. */
  readonly onEnd?: (last: EventSourceMessage | undefined) => void;
}

export function isEventStream(response: Response): boolean {
  return response.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
}

/** The same bytes, failing at the end with what `check` found. */
export function watchEvents(body: ReadableStream<Uint8Array>, check: StreamCheck): ReadableStream<Uint8Array> {
  const [forClient, forUs] = body.tee();
  const checked = run(forUs, check);
  checked.catch(() => undefined);
  return forClient.pipeThrough(new TransformStream({ flush: async () => checked }));
}

async function run(body: ReadableStream<Uint8Array>, { onEvent, onEnd }: StreamCheck): Promise<void> {
  let last: EventSourceMessage | undefined;
  for await (const message of body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())) {
    last = message;
    if (message.data !== "[DONE]") onEvent(JSON.parse(message.data));
  }
  onEnd?.(last);
}
