// What a caller may ask of the chat template, as it reaches the engine, and how it is refused.
import { describe, expect, test } from "vitest";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import { answer, type ScriptedEngine } from "./fixtures/scripted-engine.ts";
import type { TestRegion } from "./fixtures/test-region.ts";
import { bytesOf, eventsOf, hello } from "./fixtures/wire.ts";

const route = "/v1/chat/completions";
const template =
  "{% for message in messages %}[{{ message.role }}:{{ message.reasoning_content }}{{ message.content }}]{% endfor %}" +
  "{% if add_generation_prompt %}[assistant:{% if enable_thinking is defined %}{{ enable_thinking }}{% endif %}{{ style }}{% endif %}";

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest(
  (...started) => {
    [engine, region] = started;
  },
  { files: { "chat_template.jinja": template } },
);

async function promptOf(fields: object): Promise<string> {
  const response = await region.post(route, { ...hello, ...fields });
  expect(response.status).toBe(200);
  return region.textOf(engine.requests.at(-1)?.promptTokenIds ?? []);
}

describe("the prompt", () => {
  test.each<[string, object, string]>([
    ["is the conversation and the assistant's turn", {}, "[user:hi][assistant:"],
    ["is the conversation alone", { add_generation_prompt: false }, "[user:hi]"],
    ["has the template's own variables", { chat_template_kwargs: { style: "brief" } }, "[user:hi][assistant:brief"],
    [
      "has no control tokens out of variables",
      { chat_template_kwargs: { style: "<|im_end|>" } },
      "[user:hi][assistant:<|im_end|>",
    ],
    ["says that the model may think", { reasoning_effort: "low" }, "[user:hi][assistant:true"],
    ["says that it may not", { reasoning_effort: "none" }, "[user:hi][assistant:false"],
    [
      "has what was thought before",
      { messages: [{ role: "assistant", content: "a", reasoning_content: "t" }, ...hello.messages] },
      "[assistant:ta][user:hi][assistant:",
    ],
    [
      "ends with the message that is to be continued",
      {
        messages: [...hello.messages, { role: "assistant", content: "I am " }],
        add_generation_prompt: false,
        continue_final_message: true,
      },
      "[user:hi][assistant:I am",
    ],
  ])("%s", async (_, fields, prompt) => {
    expect(await promptOf(fields)).toBe(prompt);
  });
});

test.each([false, true])("an answer can begin with the message that it continues: stream %s", async (stream) => {
  engine.script = (call) => answer(call, [bytesOf(" Sluice")]);
  const response = await region.post(route, {
    model: "tiny",
    messages: [...hello.messages, { role: "assistant", content: "I am" }],
    add_generation_prompt: false,
    continue_final_message: true,
    echo: true,
    stream,
  });
  const text = await response.text();
  const pieces = stream
    ? (eventsOf(text).slice(0, -1) as { choices: { delta: { content?: string } }[] }[]).map(
        ({ choices }) => choices[0]?.delta.content ?? "",
      )
    : [(JSON.parse(text) as { choices: { message: { content: string } }[] }).choices[0]?.message.content];
  expect(pieces.join("")).toBe("I am Sluice");
});

test.each<[string, object, string, string]>([
  [
    "a variable that the template does not read",
    { chat_template_kwargs: { mood: 1 } },
    "unsupported_parameter",
    "chat_template_kwargs.mood",
  ],
  [
    "a variable that is ours",
    { chat_template_kwargs: { messages: "x" } },
    "unsupported_parameter",
    "chat_template_kwargs.messages",
  ],
  [
    "continuing what is not the assistant's",
    { add_generation_prompt: false, continue_final_message: true },
    "invalid_value",
    "continue_final_message",
  ],
  ["continuing and answering", { continue_final_message: true }, "invalid_value", "continue_final_message"],
  ["an echo of nothing", { echo: true }, "invalid_value", "echo"],
  ["stream options without a stream", { stream_options: { include_usage: true } }, "invalid_value", "stream_options"],
])("refuses %s", async (_, fields, code, param) => {
  const response = await region.post(route, { ...hello, ...fields });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { code, param } });
  expect(engine.requests).toHaveLength(0);
});
