// Requests that no client should send: good ones of each endpoint, made bad.
import * as fc from "fast-check";
import { mutatedForm } from "./form-mutations.ts";
import { type Json, mutated } from "./mutations.ts";

export interface FuzzedRequest {
  readonly method: "GET" | "POST" | "DELETE";
  /** Under `/v1/`, with its query. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
}

/** What asks the engine for something asks it for little: the answers of what is still good must be quick as well. */
export function fuzzedRequests(model: string): fc.Arbitrary<FuzzedRequest> {
  const messages = [
    { role: "system", content: "Be brief." },
    { role: "user", content: [{ type: "text", text: "Hello!" }] },
  ];
  const schema = {
    type: "object",
    properties: { a: { type: "integer" } },
    required: ["a"],
    additionalProperties: false,
  };
  const tools = [{ type: "function", function: { name: "f", parameters: schema, strict: true } }];
  const chat: readonly Json[] = [
    { model, messages, max_tokens: 4 },
    {
      model,
      messages,
      max_completion_tokens: 4,
      stream: true,
      stream_options: { include_usage: true },
      stop: ["a"],
      seed: 1,
    },
    { model, messages, max_tokens: 8, tools, tool_choice: "auto", parallel_tool_calls: false },
    { model, messages, max_tokens: 8, response_format: { type: "json_schema", json_schema: { name: "a", schema } } },
    { model, messages, max_tokens: 2, n: 2, logprobs: true, top_logprobs: 2, logit_bias: { "5": -1 }, temperature: 1 },
    {
      model,
      messages: [
        ...messages,
        { role: "assistant", content: null, function_call: { name: "f", arguments: "{}" } },
        { role: "function", name: "f", content: "1" },
      ],
      max_tokens: 8,
      functions: [{ name: "f", parameters: schema }],
      function_call: "auto",
    },
  ];
  const completions: readonly Json[] = [
    { model, prompt: "12, 13,", max_tokens: 4 },
    { model, prompt: ["a", "b"], max_tokens: 2, echo: true, logprobs: 2, stream: true },
    { model, prompt: [[1, 2, 3]], max_tokens: 2, best_of: 2, n: 1, temperature: 1 },
  ];
  const responses: readonly Json[] = [
    { model, input: "Hello!", instructions: "Be brief.", max_output_tokens: 4, metadata: { a: "b" } },
    {
      model,
      input: [
        { role: "user", content: [{ type: "input_text", text: "Hello!" }] },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "Hi.", annotations: [] }] },
        { type: "function_call", call_id: "c", name: "f", arguments: "{}" },
        { type: "function_call_output", call_id: "c", output: "1" },
        { role: "user", content: "Again!" },
      ],
      max_output_tokens: 4,
      stream: true,
      store: false,
      truncation: "auto",
      tools: [{ type: "function", name: "f", parameters: schema, strict: true }],
      tool_choice: "auto",
    },
    { model, input: "Hello!", max_output_tokens: 8, text: { format: { type: "json_schema", name: "a", schema } } },
    { model, input: "Hello!", max_output_tokens: 2, include: ["message.output_text.logprobs"], top_logprobs: 2 },
  ];
  const inputTokens: readonly Json[] = [
    { model, input: [{ role: "user", content: [{ type: "input_text", text: "Hello!" }] }], instructions: "Be kind." },
    {
      model,
      input: "Hello!",
      tools: [{ type: "function", name: "f", parameters: schema, strict: true }],
      tool_choice: "auto",
      text: { format: { type: "json_schema", name: "a", schema } },
      truncation: "auto",
    },
  ];
  const embeddings: readonly Json[] = [
    { model, input: "a" },
    { model, input: [[1, 2], [3]], dimensions: 8, encoding_format: "float" },
  ];
  const tokenize: readonly Json[] = [
    { model, prompt: "Hello!", add_special_tokens: false, return_token_strs: true },
    { model, messages, tools, add_generation_prompt: false },
  ];
  /** Of a file that there is not: whatever is right beside it must not run. */
  const batches: readonly Json[] = [
    {
      input_file_id: "file-x",
      endpoint: "/v1/chat/completions",
      completion_window: "24h",
      metadata: { a: "b" },
      output_expires_after: { anchor: "created_at", seconds: 3_600 },
    },
  ];
  const detokenize: readonly Json[] = [{ model, tokens: [1, 2, 300] }];

  return fc.oneof(
    { weight: 6, arbitrary: posted("chat/completions", chat) },
    { weight: 3, arbitrary: posted("completions", completions) },
    { weight: 4, arbitrary: posted("responses", responses) },
    { weight: 1, arbitrary: posted("responses/input_tokens", inputTokens) },
    { weight: 2, arbitrary: posted("embeddings", embeddings) },
    { weight: 2, arbitrary: posted("tokenize", tokenize) },
    { weight: 1, arbitrary: posted("detokenize", detokenize) },
    { weight: 1, arbitrary: posted("batches", batches) },
    { weight: 2, arbitrary: uploads },
    { weight: 1, arbitrary: withoutBody },
  );
}

function posted(path: string, bodies: readonly Json[]): fc.Arbitrary<FuzzedRequest> {
  return mutated(bodies).map((body) => ({ method: "POST", path, body, contentType: "application/json" }));
}

const uploads = mutatedForm([
  ["purpose", "batch"],
  ["expires_after[anchor]", "created_at"],
  ["expires_after[seconds]", "3600"],
  ["file", '{"custom_id":"a"}\n'],
]).map((form): FuzzedRequest => ({ method: "POST", path: "files", ...form }));

const lists = ["files", "batches", "responses/resp_x/input_items", "models"] as const;
const things = ["files/x", "files/x/content", "responses/resp_x", "models/x", "batches/x"] as const;
const oddTexts = fc.oneof(
  fc.constantFrom(
    "",
    "0",
    "-1",
    "1e9",
    "2",
    "NaN",
    "true",
    "asc",
    "x".repeat(2_000),
    "'; --",
    "\u0000",
    "ü",
    "%",
    "../..",
  ),
  fc.string({ maxLength: 8, unit: "grapheme" }),
);
const queryNames = fc.constantFrom(
  "limit",
  "after",
  "order",
  "purpose",
  "include[]",
  "stream",
  "limit[a]",
  "__proto__",
);

/** Odd queries, and things that are not there under odd names. */
const withoutBody: fc.Arbitrary<FuzzedRequest> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...lists), fc.array(fc.tuple(queryNames, oddTexts), { maxLength: 3 }))
    .map(([path, query]): FuzzedRequest => ({
      method: "GET",
      path: `${path}?${new URLSearchParams(query).toString()}`,
    })),
  fc
    .tuple(fc.constantFrom("GET", "DELETE"), fc.constantFrom(...things), oddTexts)
    .map(([method, path, text]): FuzzedRequest => ({ method, path: path.replace("x", encodeURIComponent(text)) })),
);
