// Bodies that no client should send. `SLUICE_FUZZ_REQUESTS` says how many; 10,000 take some minutes.
import * as fc from "fast-check";
import { env } from "node:process";
import { describe, expect, inject, it } from "vitest";
import { errorTable } from "@sluice/shared/errors.ts";
import { createKey } from "../end-to-end/create-key.ts";
import { type Json, mutated } from "./mutations.ts";
import { assertPublished } from "./published/published-schemas.ts";
import { count } from "./questions.ts";

const numRequests = Number(env["SLUICE_FUZZ_REQUESTS"] ?? 500);
const atOnce = 10;
/** Far more than a refusal takes on the slowest machine. */
const patienceMs = 30_000;

const stack = inject("stack");
const { baseUrl, model } = stack;
/** Without limits: a request refused for its rate would prove nothing. */
const apiKey = await createKey(stack, { name: "fuzz" });

const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "Hello!" }] },
];
const schema = { type: "object", properties: { a: { type: "integer" } }, required: ["a"], additionalProperties: false };
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
const embeddings: readonly Json[] = [
  { model, input: "a" },
  { model, input: [[1, 2], [3]], dimensions: 8, encoding_format: "float" },
];

const request = fc.oneof(
  { weight: 6, arbitrary: fc.record({ path: fc.constant("chat/completions"), body: mutated(chat) }) },
  { weight: 3, arbitrary: fc.record({ path: fc.constant("completions"), body: mutated(completions) }) },
  { weight: 4, arbitrary: fc.record({ path: fc.constant("responses"), body: mutated(responses) }) },
  { weight: 2, arbitrary: fc.record({ path: fc.constant("embeddings"), body: mutated(embeddings) }) },
);

async function post(path: string, body: string): Promise<Response> {
  return fetch(`${baseUrl}/${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body,
    signal: AbortSignal.timeout(patienceMs),
  });
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function answerTo({ path, body }: { path: string; body: string }): Promise<Answer> {
  const response = await post(path, body);
  return { status: response.status, text: await response.text() };
}

/** What is wrong with an answer, which must be whole, or a documented refusal by the caller's fault. */
function faultOf({ status, text }: Answer): string | undefined {
  // Nothing here is refused after the first byte.
  if (status === 200) return /"error":(?!null)/.test(text) ? text : undefined;
  const refusal = JSON.parse(text) as { error: { code: string; type: string } };
  assertPublished("ErrorResponse", refusal);
  const { code, type } = refusal.error;
  const row = Object.entries(errorTable).find(([name]) => name === code)?.[1];
  const isCallersFault = status < 500 && status !== 429;
  return row?.httpStatus === status && row.type === type && isCallersFault ? undefined : `${status} ${text}`;
}

async function expectServing(): Promise<void> {
  const response = await post(
    "chat/completions",
    JSON.stringify({ model, temperature: 0, messages: [{ role: "user", content: count.question }] }),
  );
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: count.answer } }] });
}

describe("bodies that no client should send", () => {
  it(
    `get documented answers, ${numRequests} times, and good requests are answered right after`,
    async () => {
      const some = fc.array(request, { minLength: atOnce, maxLength: atOnce });
      const property = fc.asyncProperty(some, async (requests) => {
        const answers = await Promise.all(requests.map(answerTo));
        expect(answers.map(faultOf).filter((fault) => fault !== undefined)).toEqual([]);
      });
      await fc.assert(property.afterEach(expectServing), { numRuns: Math.ceil(numRequests / atOnce) });
    },
    patienceMs + numRequests * 1_000,
  );
});
