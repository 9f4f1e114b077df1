// Callers that say `functions` and `function_call`, the older words for tools.
import type OpenAI from "openai";
import { expect, test } from "vitest";
import { ByteGrammar } from "./fixtures/byte-grammar.ts";
import { assertOpenAi } from "./fixtures/openai-schema.ts";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import { answer, type ScriptedEngine } from "./fixtures/scripted-engine.ts";
import type { TestRegion } from "./fixtures/test-region.ts";
import { bytesOf, eventsOf, hello } from "./fixtures/wire.ts";

const route = "/v1/chat/completions";
const template = `{% if tools %}{{ tools | tojson }}<tool_call>{% endif %}
{%- for message in messages %}[{{ message.role }}:{{ message.content }}
{%- for call in message.tool_calls or [] %}{{ call.id }} {{ call.function | tojson }}{% endfor %}{{ message.tool_call_id }}]{% endfor %}`;

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest(
  (...started) => {
    [engine, region] = started;
  },
  { files: { "chat_template.jinja": template } },
);

const lamp = { name: "lamp", parameters: { type: "object", properties: { size: { type: "integer" } } } };
const bell = { name: "bell", description: "Rings." };
const functions = [lamp, bell];
const args = '{"size": 3}';
const called = `Look:\n<tool_call>\n{"name": "lamp", "arguments": ${args}}\n</tool_call>`;

async function ask(fields: object, output = called): Promise<Response> {
  engine.script = (call) =>
    answer(
      call,
      bytesOf(output).map((byte) => [byte]),
    );
  return region.post(route, { ...hello, ...fields });
}

async function promptOf(fields: object): Promise<string> {
  expect((await ask(fields)).status).toBe(200);
  return region.textOf(engine.requests.at(-1)?.promptTokenIds ?? []);
}

test("a call is told as function_call", async () => {
  const completion = (await (await ask({ functions })).json()) as OpenAI.ChatCompletion;
  assertOpenAi("CreateChatCompletionResponse", completion);
  const message = {
    role: "assistant",
    content: "Look:",
    refusal: null,
    function_call: { name: "lamp", arguments: args },
  };
  expect(completion.choices).toEqual([{ index: 0, message, logprobs: null, finish_reason: "function_call" }]);
});

test("a streamed call has its name first, then its arguments in pieces, and no id", async () => {
  const events = eventsOf(await (await ask({ functions, stream: true })).text());
  expect(events.pop()).toBe("[DONE]");
  const chunks = events as OpenAI.ChatCompletionChunk[];
  for (const chunk of chunks) assertOpenAi("CreateChatCompletionStreamResponse", chunk);
  const deltas = chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta));
  const calls = deltas.map((delta) => delta.function_call).filter((call) => call !== undefined);
  expect(calls[0]).toEqual({ name: "lamp", arguments: "" });
  expect(calls.length).toBeGreaterThan(2);
  expect(calls.map((call) => call.arguments).join("")).toBe(args);
  expect(calls.slice(1).filter((call) => call.name !== undefined)).toEqual([]);
  expect(deltas.filter((delta) => delta.tool_calls !== undefined)).toEqual([]);
  expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe("function_call");
});

test("an answer without a call is as any", async () => {
  const { choices } = (await (await ask({ functions }, "Hello.")).json()) as OpenAI.ChatCompletion;
  expect(choices).toMatchObject([{ message: { content: "Hello." }, finish_reason: "stop" }]);
  expect(choices[0]?.message).not.toHaveProperty("function_call");
});

test.each<[string, object, readonly string[], readonly string[]]>([
  ["none needs to be called, and one at most can", {}, ["Hello.", called], [`${called}\n${called.slice(6)}`]],
  ["the named one must be", { function_call: { name: "bell" } }, [], ["Hello.", called]],
])("%s", async (_what, fields, good, bad) => {
  await ask({ functions, ...fields });
  const grammar = new ByteGrammar(engine.requests.at(-1)?.grammar?.ebnf ?? "");
  expect([...good, ...bad].filter((text) => grammar.accepts(text))).toEqual(good);
});

test("the model reads the same as with tools", async () => {
  const tools = functions.map((one) => ({ type: "function", function: one }));
  expect(await promptOf({ functions })).toBe(await promptOf({ tools }));
  expect(await promptOf({ functions, function_call: "none" })).toBe(await promptOf({ tools, tool_choice: "none" }));
});

test("the model reads earlier calls and what came of them", async () => {
  const call = { name: "lamp", arguments: args };
  const messages = [
    ...hello.messages,
    { role: "assistant", content: null, function_call: call },
    { role: "function", name: "lamp", content: "on" },
    { role: "user", content: "Off!" },
    { role: "assistant", content: "Well.", function_call: call },
    { role: "function", name: "lamp", content: null },
  ];
  const prompt = await promptOf({ messages });
  const written = 'call_1 {"name": "lamp", "arguments": {"size": 3}}';
  expect(prompt).toContain(`[user:hi][assistant:${written}][tool:oncall_1][user:Off!][assistant:Well.`);
  expect(prompt).toContain(`[assistant:Well.${written.replace("call_1", "call_4")}][tool:call_4]`);
});

test.each<[string, object, string]>([
  ["two functions of one name", { functions: [lamp, lamp] }, "functions[1].name"],
  ["a choice of none of them", { functions, function_call: { name: "other" } }, "function_call"],
  ["a choice without functions", { function_call: { name: "lamp" } }, "function_call"],
  [
    "parameters that cannot be enforced",
    { functions: [{ name: "f", parameters: { type: "object", not: {} } }], function_call: { name: "f" } },
    "functions[0].parameters.not",
  ],
  ["tools beside them", { functions, tools: [] }, "tools"],
  ["a choice of tools", { functions, tool_choice: "auto" }, "tool_choice"],
  ["more than one call", { functions, parallel_tool_calls: true }, "parallel_tool_calls"],
])("%s: refused, naming the parameter", async (_what, fields, param) => {
  const response = await ask(fields);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param } });
});
