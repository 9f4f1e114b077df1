import { FinishReason } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { regionStatusSchema } from "@sluice/shared/region-status.ts";
import { describe, expect, test } from "vitest";
import { imEnd, imStart } from "./fixtures/byte-tokenizer.ts";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import { answer, type ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { type TestRegion, until } from "./fixtures/test-region.ts";
import { bytesOf, eventsOf, hello } from "./fixtures/wire.ts";

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest((...started) => {
  [engine, region] = started;
});

describe("answers", () => {
  test("a chat completion, whole", async () => {
    engine.script = (call) => answer(call, [bytesOf("hé"), bytesOf("llo")], FinishReason.STOP, 32);
    const { data, response } = await region.openai.chat.completions
      .create({ ...hello, messages: [...hello.messages], max_tokens: 20, seed: 7, temperature: 0.5, top_p: 0.9 })
      .withResponse();
    expect(data).toMatchObject({
      object: "chat.completion",
      model: "tiny",
      choices: [{ index: 0, message: { role: "assistant", content: "héllo", refusal: null }, finish_reason: "stop" }],
      usage: { completion_tokens: 7, prompt_tokens_details: { cached_tokens: 32 } },
    });
    expect(data.usage?.total_tokens).toBe((data.usage?.prompt_tokens ?? 0) + 7);
    expect(data.id).toBe(`chatcmpl-${response.headers.get("x-request-id")}`);
    expect(response.headers.get("openai-version")).toBe("2020-10-01");
    expect(Number(response.headers.get("openai-processing-ms"))).toBeGreaterThanOrEqual(0);
    const [request] = engine.requests;
    expect(request).toMatchObject({
      requestId: response.headers.get("x-request-id"),
      sampling: { temperature: 0.5, topK: 40, seed: 7 },
      stopping: { maxTokens: 20, stopTokenIds: [imEnd, 262] },
      priority: 0,
    });
    expect(request?.promptTokenIds[0]).toBe(imStart);
  });

  test("a chat stream: the role, text that never splits a character, the finish reason, usage, [DONE]", async () => {
    engine.script = (call) =>
      answer(
        call,
        bytesOf("h🦊!").map((id) => [id]),
        FinishReason.LENGTH,
      );
    const response = await region.post("/v1/chat/completions", {
      ...hello,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    const events = eventsOf(await response.text()) as { choices: { delta: { content?: string } }[]; usage?: unknown }[];
    expect(events.at(-1)).toBe("[DONE]");
    expect(events.at(-2)).toMatchObject({ choices: [], usage: { completion_tokens: 6 } });
    expect(events.at(-3)).toMatchObject({ choices: [{ delta: {}, finish_reason: "length" }], usage: null });
    expect(events[0]).toMatchObject({ choices: [{ delta: { role: "assistant", content: "" }, finish_reason: null }] });
    const text = events.slice(1, -3).map((event) => event.choices[0]?.delta.content ?? "");
    expect(text.join("")).toBe("h🦊!");
    for (const piece of text) expect(piece).not.toContain("\uFFFD");
  });

  test("a stream without include_usage says nothing of usage", async () => {
    engine.script = (call) => answer(call, [bytesOf("a")]);
    const response = await region.post("/v1/chat/completions", { ...hello, stream: true });
    expect(await response.text()).not.toContain("usage");
  });

  test("a text completion, whole and streamed, from text and from tokens", async () => {
    engine.script = (call) => answer(call, [bytesOf("abc")], FinishReason.LENGTH);
    const whole = await region.openai.completions.create({ model: "tiny", prompt: "hell" });
    expect(whole).toMatchObject({
      object: "text_completion",
      choices: [{ text: "abc", index: 0, logprobs: null, finish_reason: "length" }],
      usage: { prompt_tokens: 1, completion_tokens: 3, total_tokens: 4 },
    });
    expect(engine.requests[0]).toMatchObject({ promptTokenIds: [258], stopping: { maxTokens: 16 } });
    const stream = await region.openai.completions.create({ model: "tiny", prompt: [1, 2], stream: true });
    let text = "";
    for await (const chunk of stream) text += chunk.choices[0]?.text ?? "";
    expect(text).toBe("abc");
    expect(engine.requests[1]?.promptTokenIds).toEqual([1, 2]);
  });

  test("models, one model, status and health", async () => {
    const list = await region.openai.models.list();
    expect(list.data).toMatchObject([{ id: "tiny", object: "model", owned_by: "sluice" }]);
    expect((await region.openai.models.retrieve("tiny")).id).toBe("tiny");
    expect((await region.get("/v1/models/other")).status).toBe(404);
    engine.report({
      numRunning: 2,
      numWaiting: 1,
      numQueuedTokens: 30,
      numFreeBlocks: 75,
      pace: { prefillMsPerToken: 2 },
    });
    await until(() => region.pool.load.numRunning === 2);
    const regionStatus = regionStatusSchema.parse(await (await region.get("/status")).json());
    expect(regionStatus).toEqual({
      region: "test",
      status: "ok",
      models: ["tiny"],
      modelCards: list.data,
      numRunning: 2,
      numWaiting: 1,
      numQueuedTokens: 30,
      queueDelayMs: 60,
      engines: [
        {
          id: "scripted",
          address: engine.address,
          status: "ok",
          numRunning: 2,
          numWaiting: 1,
          numQueuedTokens: 30,
          kvCacheUsage: 0.25,
        },
      ],
    });
    const health = await fetch(`${region.url}/health`);
    expect([health.status, await health.json()]).toEqual([200, { status: "ok" }]);
  });
});
