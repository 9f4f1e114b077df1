import { FinishReason } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { status } from "@grpc/grpc-js";
import type OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { chatMlTemplate } from "./fixtures/byte-tokenizer.ts";
import { assertOpenAi } from "./fixtures/openai-schema.ts";
import { answer, refuse, ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { answerWithLogprobs } from "./fixtures/scripted-logprobs.ts";
import { passportFor, TestRegion } from "./fixtures/test-region.ts";
import { bytesOf } from "./fixtures/wire.ts";

type Event = OpenAI.Responses.ResponseStreamEvent;
type StreamParams = OpenAI.Responses.ResponseCreateParamsStreaming;

/** Writes earlier calls as Hermes' models do, so that tools are taken. */
const toolTemplate = chatMlTemplate.replace(
  "{{ message.content }}",
  "{{ message.content }}{% if message.tool_calls %}{% for call in message.tool_calls %}<tool_call>{{ call.function.name }}{{ call.function.arguments | tojson }}</tool_call>{% endfor %}{% endif %}{% if tools %}{% endif %}",
);

let engine: ScriptedEngine;
let region: TestRegion;
let client: OpenAI;

beforeAll(async () => {
  engine = new ScriptedEngine();
  await engine.start();
  region = await TestRegion.start([engine], { files: { "chat_template.jinja": toolTemplate } });
  client = region.openai;
});
afterAll(async () => {
  await region.stop();
  engine.kill();
});
beforeEach(() => {
  engine.requests.length = 0;
  engine.script = (call) => answer(call, [bytesOf("hé"), bytesOf("llo")], FinishReason.STOP, 16);
});

const ask = { model: "tiny", input: "hi" } as const;
const lamp = {
  type: "function",
  name: "lamp",
  parameters: {
    type: "object",
    properties: { on: { type: "boolean" } },
    required: ["on"],
    additionalProperties: false,
  },
  strict: true,
} as const;

/** The text that the engine was given last. */
function promptText(): string {
  const names = new Map([
    [260, "<|im_start|>"],
    [261, "<|im_end|>"],
    [256, "he"],
    [257, "ll"],
    [258, "hell"],
    [259, " w"],
  ]);
  const ids = engine.requests.at(-1)?.promptTokenIds ?? [];
  return Buffer.concat(ids.map((id) => Buffer.from(names.get(id) ?? [id]))).toString();
}

/** All events of a stream, each as OpenAI's schema has it, numbered from 0. */
async function eventsOf(params: Omit<StreamParams, "stream">): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of await client.responses.create({ ...params, stream: true })) events.push(event);
  for (const event of events) assertOpenAi("ResponseStreamEvent", event);
  expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
  return events;
}

/** As it is on the wire, without what the SDK adds. */
async function create(params: object): Promise<OpenAI.Responses.Response> {
  const response = await region.post("/v1/responses", { ...ask, ...params });
  expect(response.status).toBe(200);
  const body = (await response.json()) as OpenAI.Responses.Response;
  assertOpenAi("Response", body);
  return body;
}

async function refusalOf(params: object): Promise<unknown> {
  const response = await region.post("/v1/responses", { ...ask, ...params });
  expect(response.status).toBe(400);
  return ((await response.json()) as { error: unknown }).error;
}

describe("a response", () => {
  test("whole: one message, and what was asked", async () => {
    const response = await create({
      instructions: "Be brief.",
      max_output_tokens: 20,
      metadata: { a: "b" },
      temperature: 0.5,
      user: "me",
    });
    expect(response).toMatchObject({
      object: "response",
      status: "completed",
      error: null,
      incomplete_details: null,
      instructions: "Be brief.",
      max_output_tokens: 20,
      metadata: { a: "b" },
      model: "tiny",
      output: [
        { type: "message", role: "assistant", status: "completed", content: [{ type: "output_text", text: "héllo" }] },
      ],
      parallel_tool_calls: true,
      store: true,
      temperature: 0.5,
      tool_choice: "auto",
      tools: [],
      user: "me",
      usage: { input_tokens_details: { cached_tokens: 16 }, output_tokens: 7 },
    });
    expect(response.id).toMatch(/^resp_/);
    expect(response.usage?.total_tokens).toBe((response.usage?.input_tokens ?? 0) + 7);
    expect(engine.requests[0]).toMatchObject({ sampling: { temperature: 0.5 }, stopping: { maxTokens: 20 } });
    expect(promptText()).toBe(
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  test("streamed: typed events in OpenAI's order, and the same response in the last", async () => {
    const events = await eventsOf(ask);
    expect(events.map(({ type }) => type)).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.delta",
      "response.output_text.delta",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.completed",
    ]);
    const last = events.at(-1);
    expect(last).toMatchObject({ response: { status: "completed", output: [{ content: [{ text: "héllo" }] }] } });
  });

  test("on the wire an event has its name, and there is no [DONE]", async () => {
    const text = await (await region.post("/v1/responses", { ...ask, stream: true })).text();
    expect(text).toMatch(/^event: response\.created\ndata: \{"type":"response\.created"/);
    expect(text).not.toContain("[DONE]");
  });

  test("cut by its length: incomplete, and so is its message", async () => {
    engine.script = (call) => answer(call, [bytesOf("abc")], FinishReason.LENGTH);
    const response = await create({ max_output_tokens: 3 });
    const cut = { status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, completed_at: null };
    expect(response).toMatchObject({ ...cut, output: [{ status: "incomplete" }] });
    expect((await eventsOf({ ...ask, max_output_tokens: 3 })).at(-1)).toMatchObject({
      type: "response.incomplete",
      response: cut,
    });
  });

  test("of no words is a message without any", async () => {
    engine.script = (call) => answer(call, [[]]);
    expect(await create({})).toMatchObject({ output: [{ type: "message", content: [{ text: "" }] }] });
    expect((await eventsOf(ask)).map(({ type }) => type)).not.toContain("response.output_text.delta");
  });

  test("logprobs, where they are asked for", async () => {
    engine.script = (call) => answerWithLogprobs(call, [bytesOf("ab")]);
    const { output } = await create({ include: ["message.output_text.logprobs"], top_logprobs: 2 });
    expect(output[0]).toMatchObject({
      content: [{ logprobs: [{ token: "a", bytes: [97], top_logprobs: [{}, {}] }, { token: "b" }] }],
    });
  });

  test("the id that the edge chose", async () => {
    const payload = JSON.stringify(ask);
    const headers = { "x-sluice-passport": await passportFor(payload, { responseId: "resp_chosen" }) };
    expect(await (await region.post("/v1/responses", payload, headers)).json()).toMatchObject({ id: "resp_chosen" });
  });
});

describe("a conversation", () => {
  test("items become the template's messages; calls stand with what was said before them", async () => {
    await create({
      input: [
        { role: "developer", content: "Rules." },
        {
          role: "user",
          content: [
            { type: "input_text", text: "Light" },
            { type: "input_text", text: "!" },
          ],
        },
        { type: "message", role: "assistant", content: [{ type: "output_text", text: "Ok", annotations: [] }] },
        { type: "function_call", call_id: "c1", name: "lamp", arguments: '{"on": true}' },
        { type: "reasoning", id: "rs_1", summary: [] },
        { type: "function_call_output", call_id: "c1", output: "done" },
      ],
      tools: [lamp],
    });
    expect(promptText()).toBe(
      "<|im_start|>system\nRules.<|im_end|>\n<|im_start|>user\nLight!<|im_end|>\n" +
        '<|im_start|>assistant\nOk<tool_call>lamp{"on": true}</tool_call><|im_end|>\n' +
        "<|im_start|>tool\ndone<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  test("too long is refused; with truncation it loses its oldest turns, and never a system message", async () => {
    const turns = Array.from({ length: 12 }, (_, index) => [
      { role: "user", content: `question ${index} ${"x".repeat(20)}` },
      { role: "assistant", content: `reply ${index}` },
    ]).flat();
    const input = [{ role: "system", content: "RULES" }, ...turns, { role: "user", content: "last" }];
    expect(await refusalOf({ input })).toMatchObject({ code: "context_length_exceeded", param: "input" });
    await create({ input, truncation: "auto" });
    const prompt = promptText();
    expect(prompt).toMatch(/^<\|im_start\|>system\nRULES<\|im_end\|>\n<\|im_start\|>user\nquestion/);
    expect(prompt).toContain("reply 11");
    expect(prompt).not.toContain("question 0");
    const numPromptTokens = engine.requests.at(-1)?.promptTokenIds.length ?? 0;
    expect(256 - numPromptTokens).toBeGreaterThanOrEqual(64);
    expect(256 - numPromptTokens).toBeLessThan(64 + 90);
    const huge = { input: "y".repeat(400), truncation: "auto" };
    expect(await refusalOf(huge)).toMatchObject({ code: "context_length_exceeded", param: "input" });
  });
});

const call = (on: boolean) => `<tool_call>\n{"name": "lamp", "arguments": {"on": ${on}}}\n</tool_call>`;

describe("functions", () => {
  test("are called beside text, each as an item of its own, their arguments in pieces", async () => {
    const said = `Sure.\n${call(true)}\n${call(false)}`;
    engine.script = (generate) =>
      answer(
        generate,
        bytesOf(said).map((id) => [id]),
      );
    const events = await eventsOf({ ...ask, tools: [lamp] });
    const types = events.map(({ type }) => type).filter((type) => !type.endsWith(".delta"));
    expect(types).toEqual([
      "response.created",
      "response.in_progress",
      "response.output_item.added",
      "response.content_part.added",
      "response.output_text.done",
      "response.content_part.done",
      "response.output_item.done",
      "response.output_item.added",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.output_item.added",
      "response.function_call_arguments.done",
      "response.output_item.done",
      "response.completed",
    ]);
    const deltas = events.filter((event) => event.type === "response.function_call_arguments.delta");
    expect(deltas.length).toBeGreaterThan(4);
    const firstCall = deltas.filter((event) => event.output_index === 1);
    expect(firstCall.map(({ delta }) => delta).join("")).toBe('{"on": true}');
    const { output } = await create({ tools: [lamp] });
    expect(output).toMatchObject([
      { type: "message", content: [{ text: "Sure." }] },
      { type: "function_call", name: "lamp", arguments: '{"on": true}', status: "completed" },
      { type: "function_call", name: "lamp", arguments: '{"on": false}', status: "completed" },
    ]);
    const calls = output.filter((item) => item.type === "function_call");
    expect(new Set(calls.map((item) => item.call_id)).size).toBe(2);
  });

  test("are strict unless they say otherwise", async () => {
    const { strict: _strict, ...unsaid } = lamp;
    const response = await create({ tools: [unsaid], tool_choice: "required" });
    expect(response.tools[0]).toMatchObject({ strict: true });
    expect(engine.requests[0]?.grammar?.ebnf).toContain("lamp");
    await create({ tools: [unsaid] });
    expect(engine.requests[1]?.grammar).toBeDefined();
    await create({ tools: [{ ...unsaid, strict: false }] });
    expect(engine.requests[2]?.grammar).toBeUndefined();
  });

  test("a call that the length cuts off is incomplete", async () => {
    engine.script = (generate) => answer(generate, [bytesOf(call(true).slice(0, 50))], FinishReason.LENGTH);
    const { output } = await create({ tools: [lamp] });
    expect(output).toMatchObject([{ type: "function_call", status: "incomplete" }]);
  });
});

test("a text format is a grammar", async () => {
  const schema = { type: "object", properties: { age: { type: "integer" } }, required: ["age"] };
  await create({ text: { format: { type: "json_schema", name: "person", schema } } });
  expect(engine.requests[0]?.grammar?.ebnf).toContain("age");
  await create({ text: { format: { type: "json_object" } } });
  expect(engine.requests[1]?.grammar).toBeDefined();
  await create({ text: { format: { type: "text" } } });
  expect(engine.requests[2]?.grammar).toBeUndefined();
});

describe("what goes wrong", () => {
  test("before the first event is an ordinary answer", async () => {
    engine.script = (call) => refuse(call, status.INTERNAL);
    const response = await region.post("/v1/responses", { ...ask, stream: true });
    expect(response.status).toBeGreaterThanOrEqual(500);
    expect(await response.json()).toHaveProperty("error.code");
  });

  test("after it is the response's own last event, with what was written so far", async () => {
    engine.script = (call) => {
      call.write({ tokenIds: bytesOf("half") });
      setTimeout(() => refuse(call, status.INTERNAL), 50);
    };
    const events = await eventsOf(ask);
    expect(events.at(-1)).toMatchObject({
      type: "response.failed",
      response: {
        status: "failed",
        error: { code: "server_error" },
        output: [{ status: "incomplete", content: [{ text: "half" }] }],
      },
    });
    expect(JSON.stringify(events.at(-1))).not.toContain("scripted");
  });

  test("a client that leaves ends the engine's work", async () => {
    engine.script = (call) => call.write({ tokenIds: bytesOf("half") });
    const before = engine.numCancelled;
    const stream = await client.responses.create({ ...ask, stream: true });
    for await (const event of stream) if (event.type === "response.output_text.delta") break;
    await expect.poll(() => engine.numCancelled).toBe(before + 1);
  });
});

test.each<[object, string, string]>([
  [{ input: undefined }, "missing_required_parameter", "input"],
  [{ input: [] }, "invalid_value", "input"],
  [
    { input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] },
    "unsupported_parameter",
    "input[0].content[0]",
  ],
  [
    { input: [{ role: "user", content: [{ type: "input_file", file_id: "x" }] }] },
    "unsupported_parameter",
    "input[0].content[0]",
  ],
  [{ input: [{ role: "robot", content: "x" }] }, "invalid_value", "input[0].role"],
  [{ input: [{ type: "item_reference", id: "msg_1" }] }, "invalid_value", "input[0]"],
  [{ input: [{ type: "web_search_call", id: "ws_1" }] }, "invalid_value", "input[0].type"],
  [{ tools: [{ type: "web_search" }] }, "unsupported_parameter", "tools[0]"],
  [{ tools: [{ type: "mcp", server_label: "x" }] }, "unsupported_parameter", "tools[0]"],
  [{ tools: [{ type: "code_interpreter", container: "x" }] }, "unsupported_parameter", "tools[0]"],
  [{ tools: [lamp, lamp] }, "invalid_value", "tools[1].name"],
  [
    { tools: [{ ...lamp, parameters: { type: "object", not: {} } }] },
    "unsupported_parameter",
    "tools[0].parameters.not",
  ],
  [{ tool_choice: "required" }, "invalid_value", "tool_choice"],
  [{ tools: [lamp], tool_choice: { type: "function", name: "x" } }, "invalid_value", "tool_choice"],
  [
    { text: { format: { type: "json_schema", name: "a", schema: { not: {} } } } },
    "unsupported_parameter",
    "text.format.schema.not",
  ],
  [{ text: { verbosity: "low" } }, "unsupported_parameter", "text.verbosity"],
  [{ conversation: "conv_1" }, "unsupported_parameter", "conversation"],
  [{ prompt: { id: "pmpt_1" } }, "unsupported_parameter", "prompt"],
  [{ max_output_tokens: 0 }, "invalid_value", "max_output_tokens"],
  [{ max_output_tokens: 1_000 }, "context_length_exceeded", "input"],
  [{ include: ["everything"] }, "invalid_value", "include[0]"],
  [{ top_logprobs: 21 }, "invalid_value", "top_logprobs"],
  [{ truncation: "middle" }, "invalid_value", "truncation"],
  [{ messages: [] }, "unknown_parameter", "messages"],
  [{ model: "other" }, "model_not_found", "model"],
])("%j is refused: %s, %s", async (params, code, param) => {
  const response = await region.post("/v1/responses", { ...ask, ...params });
  expect(response.status).toBe(code === "model_not_found" ? 404 : 400);
  expect(await response.json()).toMatchObject({ error: { code, param } });
});

test("some of the tools may be allowed, and one of them required", async () => {
  const ring = { ...lamp, name: "ring" };
  const tools = [lamp, ring];
  const allowed = { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "ring" }] };
  await create({ tools, tool_choice: allowed });
  const ebnf = engine.requests[0]?.grammar?.ebnf ?? "";
  expect(ebnf).toContain("ring");
  expect(ebnf).not.toContain("lamp");
  const unknown = { ...allowed, tools: [{ type: "function", name: "other" }] };
  expect(await refusalOf({ tools, tool_choice: unknown })).toMatchObject({ param: "tool_choice" });
});
