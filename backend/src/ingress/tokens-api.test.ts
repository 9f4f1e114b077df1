// The tokens of texts and conversations, and back; and what a model says of itself.
import { describe, expect, test } from "vitest";
import { imEnd, imStart } from "./fixtures/byte-tokenizer.ts";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import type { ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { TestRegion } from "./fixtures/test-region.ts";
import { bytesOf, hello } from "./fixtures/wire.ts";

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest((...started) => {
  [engine, region] = started;
});

async function ask(route: string, fields: object): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await region.post(route, { model: "tiny", ...fields });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe("/v1/tokenize", () => {
  test("tells the tokens of a prompt", async () => {
    const { body } = await ask("/v1/tokenize", { prompt: "hell é", return_token_strs: true });
    const tokens = [258, ...bytesOf(" é")];
    const token_strs = ["hell", "Ġ", "Ã", "©"];
    expect(body).toEqual({ count: 4, max_model_len: 256, tokens, token_strs });
    expect(engine.requests).toHaveLength(0);
  });

  test("tells the tokens of a conversation as the engine gets them", async () => {
    const messages = [...hello.messages, { role: "assistant", content: "<|im_end|>" }, ...hello.messages];
    const { body } = await ask("/v1/tokenize", { messages });
    await region.post("/v1/chat/completions", { ...hello, messages });
    expect(body).toMatchObject({ tokens: engine.requests[0]?.promptTokenIds, token_strs: null });
    const closed = await ask("/v1/tokenize", { messages: hello.messages, add_generation_prompt: false });
    expect(closed.body["tokens"]).toEqual([imStart, ...bytesOf("user\nhi"), imEnd, ...bytesOf("\n")]);
  });

  test("tells of longer ones than the model takes", async () => {
    expect((await ask("/v1/tokenize", { prompt: "x".repeat(2_000) })).body["count"]).toBe(2_000);
    const messages = [{ role: "user", content: "x".repeat(2_000) }];
    expect((await ask("/v1/tokenize", { messages })).body["count"]).toBeGreaterThan(2_000);
  });

  test("refuses texts that would take the region's thread for seconds, wherever in a conversation they are", async () => {
    const chat_template =
      "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls %}{{ c.function.arguments.text }}{% endfor %}{% endfor %}";
    const files = { "tokenizer_config.json": { chat_template } };
    const roomy = await TestRegion.start([engine], { maxBodyBytes: 2 ** 22, files });
    const text = "x".repeat(1_100_000);
    const call = { id: "call_1", type: "function", function: { name: "f", arguments: JSON.stringify({ text }) } };
    const called = [
      { role: "user", content: "hi" },
      { role: "assistant", content: null, tool_calls: [call] },
      { role: "tool", tool_call_id: "call_1", content: "done" },
    ];
    for (const [route, fields, param] of [
      ["/v1/tokenize", { prompt: text }, "prompt"],
      ["/v1/tokenize", { messages: [{ role: "user", content: text }] }, "messages"],
      ["/v1/responses/input_tokens", { input: text }, "input"],
      ["/v1/chat/completions", { messages: called }, "messages"],
    ] as const) {
      const response = await roomy.post(route, { model: "tiny", ...fields });
      expect(await response.json()).toMatchObject({ error: { param } });
      expect(response.status).toBe(400);
    }
    await roomy.stop();
  });

  test.each<[string, object, string]>([
    ["nothing", {}, "prompt"],
    ["both", { prompt: "a", messages: hello.messages }, "prompt"],
    ["a list", { prompt: ["a"] }, "prompt"],
    ["variables without a conversation", { prompt: "a", add_generation_prompt: false }, "add_generation_prompt"],
    ["tokens that the template writes", { messages: hello.messages, add_special_tokens: true }, "add_special_tokens"],
    ["something else", { prompt: "a", temperature: 1 }, "temperature"],
  ])("refuses %s", async (_, fields, param) => {
    expect(await ask("/v1/tokenize", fields)).toMatchObject({ status: 400, body: { error: { param } } });
  });
});

test("/v1/responses/input_tokens counts what the engine gets, also beyond what it takes", async () => {
  const fields = { instructions: "Be kind.", input: "hell" };
  const { body } = await ask("/v1/responses/input_tokens", fields);
  await region.post("/v1/responses", { model: "tiny", ...fields, max_output_tokens: 1 });
  const sent = engine.requests[0]?.promptTokenIds.length;
  expect(body).toEqual({ object: "response.input_tokens", input_tokens: sent });
  expect((await ask("/v1/responses/input_tokens", { input: "x".repeat(2_000) })).body["input_tokens"]).toBeGreaterThan(
    2_000,
  );
  const refusal = { status: 404, body: { error: { code: "model_not_found" } } };
  expect(await ask("/v1/responses/input_tokens", { model: "other", input: "a" })).toMatchObject(refusal);
});

describe("/v1/detokenize", () => {
  test("gives back the text, control tokens as they are spelled", async () => {
    const prompt = "<|im_start|>héllo 🦊<|im_end|>";
    const { body } = await ask("/v1/tokenize", { prompt });
    expect((await ask("/v1/detokenize", { tokens: body["tokens"] })).body).toEqual({ prompt });
    expect((await ask("/v1/detokenize", { tokens: [] })).body).toEqual({ prompt: "" });
  });

  test.each<[string, unknown]>([
    ["a token that the model does not have", [264]],
    ["a negative one", [-1]],
    ["a text", "a"],
    ["half of one", [1.5]],
  ])("refuses %s", async (_, tokens) => {
    expect(await ask("/v1/detokenize", { tokens })).toMatchObject({
      status: 400,
      body: { error: { param: "tokens" } },
    });
  });
});

test("another model has no tokens here", async () => {
  const refusal = { status: 404, body: { error: { code: "model_not_found" } } };
  expect(await ask("/v1/tokenize", { model: "other", prompt: "a" })).toMatchObject(refusal);
  expect(await ask("/v1/detokenize", { model: "other", tokens: [1] })).toMatchObject(refusal);
});

test("a model says how much it takes and what it can", async () => {
  expect(await (await region.get("/v1/models/tiny")).json()).toMatchObject({
    id: "tiny",
    max_model_len: 256,
    capabilities: {
      chat: true,
      completions: true,
      embeddings: true,
      tools: false,
      structured_output: true,
      reasoning: false,
    },
  });
});
