import { describeResponse, type ResponseObject } from "@sluice/shared/openai/response.ts";
import { type ResponseRequest, responseRequestSchema } from "@sluice/shared/openai/response-request.ts";
import { encodeTypedEvent, pingComment } from "@sluice/shared/sse.ts";
import type { Behaviour, ReceivedRequest } from "./mock-region.ts";

const eventStream = { "content-type": "text/event-stream", "cache-control": "no-cache" };

/** What the region was asked. */
export function requestIn({ body }: ReceivedRequest): ResponseRequest {
  return responseRequestSchema.parse(JSON.parse(body));
}

/** The response that a region's answer begins with. */
function begunResponse(received: ReceivedRequest): ResponseObject {
  const head = { id: received.passport?.responseId ?? "", createdS: 1, defaults: { temperature: 1, topP: 1 } };
  return describeResponse(requestIn(received), head, "in_progress");
}

function endedResponse(received: ReceivedRequest, text: string): ResponseObject {
  const content = [{ type: "output_text", text, annotations: [], logprobs: [] }] as const;
  const id = `msg_${received.passport?.responseId?.replace("resp_", "")}_0`;
  const message = { type: "message", id, role: "assistant", status: "completed", content } as const;
  const usage = {
    input_tokens: 1,
    input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
    output_tokens: 1,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 2,
  };
  return { ...begunResponse(received), status: "completed", completed_at: 2, output: [message], usage };
}

/** Answers with one message, streamed or whole, as it is asked. */
export function respondWith(text: string): Behaviour {
  return (response, received) => {
    if (requestIn(received).stream !== true) {
      const json = { "content-type": "application/json" };
      return void response.writeHead(200, json).end(JSON.stringify(endedResponse(received, text)));
    }
    response.writeHead(200, eventStream).write(beginning(received));
    response.write(delta(1, text));
    const completed = { type: "response.completed", response: endedResponse(received, text), sequence_number: 2 };
    response.end(encodeTypedEvent(completed));
  };
}

/** One piece of text, then nothing but heartbeats until the connection closes. */
export const respondForever: Behaviour = (response, received) => {
  response.writeHead(200, eventStream).write(beginning(received) + delta(1, "more"));
  const timer = setInterval(() => response.write(pingComment), 50);
  response.on("close", () => clearInterval(timer));
};

/** Dies in the middle of its third event. */
export const dieMidResponse: Behaviour = (response, received) => {
  const broken = delta(2, "never whole").slice(0, 60);
  response.writeHead(200, eventStream);
  response.write(beginning(received) + delta(1, "half") + broken, () => setTimeout(() => response.destroy(), 20));
};

function beginning(received: ReceivedRequest): string {
  return encodeTypedEvent({ type: "response.created", response: begunResponse(received), sequence_number: 0 } as {
    type: string;
  });
}

function delta(sequence_number: number, text: string): string {
  const address = { item_id: "msg_1", output_index: 0, content_index: 0 };
  const event = { type: "response.output_text.delta", ...address, delta: text, logprobs: [], sequence_number };
  return encodeTypedEvent(event);
}
