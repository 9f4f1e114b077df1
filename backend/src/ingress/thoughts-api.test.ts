// What a model thinks, as responses tell it and are told it.
import type OpenAI from "openai";
import { afterAll, beforeAll, expect, test } from "vitest";
import { chatMlTemplate } from "./fixtures/byte-tokenizer.ts";
import { assertOpenAi } from "./fixtures/openai-schema.ts";
import { answer, ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { TestRegion } from "./fixtures/test-region.ts";
import { bytesOf } from "./fixtures/wire.ts";

/** Reads again what was thought before, and opens no thought itself. */
const template = chatMlTemplate.replace(
  "{{ message.content }}",
  "{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}{{ message.content }}",
);

const engine = new ScriptedEngine();
let region: TestRegion;

beforeAll(async () => {
  await engine.start();
  region = await TestRegion.start([engine], { files: { "chat_template.jinja": template } });
});
afterAll(async () => {
  await region.stop();
  engine.kill();
});

const ask = { model: "tiny", input: "hi" } as const;
const thought = "First 東京. ";
const said = "Then 🦊.";

test("are an item before what is said, streamed and not, and counted", async () => {
  const output = bytesOf(`<think>${thought}</think>${said}`);
  engine.script = (call) =>
    answer(
      call,
      output.map((id) => [id]),
    );
  const response = await region.post("/v1/responses", ask);
  const whole = (await response.json()) as OpenAI.Responses.Response;
  assertOpenAi("Response", whole);
  expect(whole.output).toMatchObject([
    {
      type: "reasoning",
      status: "completed",
      summary: [],
      content: [{ type: "reasoning_text", text: thought.trim() }],
    },
    { type: "message", content: [{ text: said }] },
  ]);
  expect(whole.usage?.output_tokens_details.reasoning_tokens).toBeGreaterThan(5);

  const types: string[] = [];
  const stream = region.openai.responses.stream(ask);
  stream.on("event", (event) => {
    assertOpenAi("ResponseStreamEvent", withoutSnapshots(event));
    if (event.type !== types.at(-1)) types.push(event.type);
  });
  const streamed = await stream.finalResponse();
  expect(streamed.output.map(({ type }) => type)).toEqual(["reasoning", "message"]);
  expect(streamed.output_text).toBe(said);
  expect(types.slice(2, 8)).toEqual([
    "response.output_item.added",
    "response.content_part.added",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.content_part.done",
    "response.output_item.done",
  ]);
});

test("go with what was said after them when a conversation goes on", async () => {
  engine.script = (call) => answer(call, [bytesOf("ok")]);
  const response = await region.post("/v1/responses", {
    ...ask,
    input: [
      { role: "user", content: "hi" },
      { type: "reasoning", id: "rs_1", summary: [], content: [{ type: "reasoning_text", text: "Hm" }] },
      { role: "assistant", content: "Yes." },
      { type: "reasoning", id: "rs_2", summary: [], content: [{ type: "reasoning_text", text: "alone" }] },
      { role: "user", content: "and?" },
    ],
  });
  expect(response.status).toBe(200);
  const text = Buffer.from((engine.requests.at(-1)?.promptTokenIds ?? []).filter((id) => id < 256)).toString();
  expect(text).toContain("Hm");
  expect(text).toContain("Yes.");
  expect(text).not.toContain("alone");
});

test("have an effort only where the template has one", async () => {
  const response = await region.post("/v1/responses", { ...ask, reasoning: { effort: "high" } });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: "reasoning.effort" } });
});

/** The helper adds what it has gathered so far. */
function withoutSnapshots(event: object): object {
  return Object.fromEntries(Object.entries(event).filter(([name]) => name !== "snapshot"));
}
