// A `fetch` for clients under test that lets no answer and no event pass that is not as published.
import { assertPublished } from "./published-schemas.ts";
import { isEventStream, type StreamCheck, watchEvents } from "./watch-events.ts";

interface Route {
  readonly method: string;
  readonly path: RegExp;
  /** Absent where nothing is published of it. */
  readonly answer?: string;
  readonly event?: string;
  /** What ends a stream: the type of its last event. Absent: `[DONE]`. */
  readonly lastTypes?: readonly string[];
}

const responseStream = {
  answer: "Response",
  event: "ResponseStreamEvent",
  lastTypes: ["response.completed", "response.incomplete", "response.failed"],
} as const;

const routes: readonly Route[] = [
  {
    method: "POST",
    path: /^\/chat\/completions$/,
    answer: "CreateChatCompletionResponse",
    event: "CreateChatCompletionStreamResponse",
  },
  // A streamed text completion has the shape of a whole one.
  {
    method: "POST",
    path: /^\/completions$/,
    answer: "CreateCompletionResponse",
    event: "CreateCompletionResponse",
  },
  { method: "POST", path: /^\/responses$/, ...responseStream },
  { method: "POST", path: /^\/responses\/input_tokens$/ },
  { method: "GET", path: /^\/responses\/[^/]+$/, ...responseStream },
  { method: "POST", path: /^\/responses\/[^/]+\/cancel$/, answer: "Response" },
  { method: "GET", path: /^\/responses\/[^/]+\/input_items$/, answer: "ResponseItemList" },
  { method: "DELETE", path: /^\/responses\/[^/]+$/ },
  { method: "POST", path: /^\/files$/, answer: "OpenAIFile" },
  { method: "GET", path: /^\/files$/, answer: "ListFilesResponse" },
  { method: "GET", path: /^\/files\/[^/]+$/, answer: "OpenAIFile" },
  { method: "DELETE", path: /^\/files\/[^/]+$/, answer: "DeleteFileResponse" },
  { method: "GET", path: /^\/files\/[^/]+\/content$/ },
  { method: "POST", path: /^\/batches$/, answer: "Batch" },
  { method: "GET", path: /^\/batches$/, answer: "ListBatchesResponse" },
  { method: "GET", path: /^\/batches\/[^/]+$/, answer: "Batch" },
  { method: "POST", path: /^\/batches\/[^/]+\/cancel$/, answer: "Batch" },
  { method: "POST", path: /^\/embeddings$/, answer: "CreateEmbeddingResponse" },
  { method: "GET", path: /^\/models$/, answer: "ListModelsResponse" },
  { method: "GET", path: /^\/models\/.+$/, answer: "Model" },
];

/** `baseUrl` ends in `/v1`. A wrong answer is an error with the schema's complaint, thrown where the client reads it. */
export function checkedFetch(baseUrl: string): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const path = new URL(request.url).pathname.slice(new URL(baseUrl).pathname.length);
    const { method } = request;
    const response = await fetch(request);
    if (response.status >= 400) {
      assertPublished("ErrorResponse", await response.clone().json());
      return response;
    }
    const route = routes.find((one) => one.method === method && one.path.test(path));
    if (route === undefined) throw new Error(`No schema is known for ${method} ${path}.`);
    if (!isEventStream(response)) {
      if (route.answer !== undefined) assertPublished(route.answer, withoutKnownGaps(await response.clone().json()));
      return response;
    }
    if (route.event === undefined || response.body === null) throw new Error(`${method} ${path} may not stream.`);
    return new Response(watchEvents(response.body, checkOf(route)), response);
  };
}

function checkOf({ event = "", lastTypes }: Route): StreamCheck {
  return {
    onEvent: (payload) => assertPublished(event, payload),
    onEnd: (last) => {
      const hasEnded = lastTypes === undefined ? last?.data === "[DONE]" : lastTypes.includes(last?.event ?? "");
      if (!hasEnded) throw new Error(`The stream ended in ${last?.event ?? last?.data}.`);
    },
  };
}

/**
 * What OpenAI's service answers and its published schemas leave out: a vector as base64 instead of numbers, and null for what
 * an echoed prompt's first token has no probability of.
 */
function withoutKnownGaps(answer: unknown): unknown {
  return JSON.parse(JSON.stringify(answer), (key, value: unknown) => {
    if (key === "embedding" && typeof value === "string") return floatsOf(value);
    if (key === "token_logprobs" && Array.isArray(value) && value[0] === null) return value.slice(1);
    if (key === "top_logprobs" && Array.isArray(value) && value[0] === null) return value.slice(1);
    return value;
  });
}

/** @throws RangeError when it is no whole number of floats. */
function floatsOf(base64: string): number[] {
  const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
  return [...new Float32Array(bytes.buffer)];
}
