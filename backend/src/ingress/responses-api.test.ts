import { FinishReason } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { ask, lamp, type ResponsesRegion, responsesRegion } from "./fixtures/responses-region.ts";
import { answer, refuse } from "./fixtures/scripted-engine.ts";
import { answerWithLogprobs } from "./fixtures/scripted-logprobs.ts";
import { passportFor } from "./fixtures/test-region.ts";
import { bytesOf } from "./fixtures/wire.ts";

let responses: ResponsesRegion;
responsesRegion((one) => {
  responses = one;
});

describe("a response", () => {
  test("whole: one message, and what was asked", async () => {
    const response = await responses.create({
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
    expect(responses.engine.requests[0]).toMatchObject({ sampling: { temperature: 0.5 }, stopping: { maxTokens: 20 } });
    expect(responses.promptText()).toBe(
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  test("streamed: typed events in OpenAI's order, and the same response in the last", async () => {
    const events = await responses.eventsOf(ask);
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
    const text = await (await responses.region.post("/v1/responses", { ...ask, stream: true })).text();
    expect(text).toMatch(/^event: response\.created\ndata: \{"type":"response\.created"/);
    expect(text).not.toContain("[DONE]");
  });

  test("cut by its length: incomplete, and so is its message", async () => {
    responses.engine.script = (call) => answer(call, [bytesOf("abc")], FinishReason.LENGTH);
    const response = await responses.create({ max_output_tokens: 3 });
    const cut = { status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, completed_at: null };
    expect(response).toMatchObject({ ...cut, output: [{ status: "incomplete" }] });
    expect((await responses.eventsOf({ ...ask, max_output_tokens: 3 })).at(-1)).toMatchObject({
      type: "response.incomplete",
      response: cut,
    });
  });

  test("of no words is a message without any", async () => {
    responses.engine.script = (call) => answer(call, [[]]);
    expect(await responses.create({})).toMatchObject({ output: [{ type: "message", content: [{ text: "" }] }] });
    expect((await responses.eventsOf(ask)).map(({ type }) => type)).not.toContain("response.output_text.delta");
  });

  test("logprobs, where they are asked for", async () => {
    responses.engine.script = (call) => answerWithLogprobs(call, [bytesOf("ab")]);
    const { output } = await responses.create({ include: ["message.output_text.logprobs"], top_logprobs: 2 });
    expect(output[0]).toMatchObject({
      content: [{ logprobs: [{ token: "a", bytes: [97], top_logprobs: [{}, {}] }, { token: "b" }] }],
    });
  });

  test("the id that the edge chose", async () => {
    const payload = JSON.stringify(ask);
    const headers = { "x-sluice-passport": await passportFor(payload, { responseId: "resp_chosen" }) };
    expect(await (await responses.region.post("/v1/responses", payload, headers)).json()).toMatchObject({
      id: "resp_chosen",
    });
  });
});

describe("a conversation", () => {
  test("items become the template's messages; calls stand with what was said before them", async () => {
    await responses.create({
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
    expect(responses.promptText()).toBe(
      "<|im_start|>system\nRules.<|im_end|>\n<|im_start|>user\nLight!<|im_end|>\n" +
        '<|im_start|>assistant\nOk<tool_call>lamp{"on": true}</tool_call><|im_end|>\n' +
        "<|im_start|>tool\ndone<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  const call = { type: "function_call", call_id: "c1", name: "lamp", arguments: "{}" };
  const output = { type: "function_call_output", call_id: "c1", output: "done" };
  const user = { role: "user", content: "Go on." };

  test.each([
    ["an output without its call", [user, output], /No tool call found/],
    ["an output before its call", [user, output, call], /No tool call found/],
    ["an output of another call", [call, output, { ...output, call_id: "c2" }], /No tool call found/],
    ["a call without its output", [user, call, user], /No tool output found/],
    ["one of two calls without its output", [call, { ...call, call_id: "c2" }, output], /No tool output found/],
  ])("is refused with %s", async (_, input, message) => {
    expect(await responses.refusalOf({ input })).toMatchObject({
      code: "invalid_value",
      param: "input",
      message: expect.stringMatching(message) as string,
    });
  });

  test("goes on from a call that was cut off, and with outputs that come late", async () => {
    await responses.create({ input: [user, { ...call, status: "incomplete" }, user] });
    expect(responses.promptText()).toContain("lamp");
    await responses.create({ input: [call, { ...call, call_id: "c2" }, user, output, { ...output, call_id: "c2" }] });
    expect(responses.promptText().match(/tool\ndone/g)).toHaveLength(2);
  });

  test("too long is refused; with truncation it loses its oldest turns, and never a system message", async () => {
    const turns = Array.from({ length: 12 }, (_, index) => [
      { role: "user", content: `question ${index} ${"x".repeat(20)}` },
      { role: "assistant", content: `reply ${index}` },
    ]).flat();
    const input = [{ role: "system", content: "RULES" }, ...turns, { role: "user", content: "last" }];
    expect(await responses.refusalOf({ input })).toMatchObject({ code: "context_length_exceeded", param: "input" });
    await responses.create({ input, truncation: "auto" });
    const prompt = responses.promptText();
    expect(prompt).toMatch(/^<\|im_start\|>system\nRULES<\|im_end\|>\n<\|im_start\|>user\nquestion/);
    expect(prompt).toContain("reply 11");
    expect(prompt).not.toContain("question 0");
    const numPromptTokens = responses.engine.requests.at(-1)?.promptTokenIds.length ?? 0;
    expect(256 - numPromptTokens).toBeGreaterThanOrEqual(64);
    expect(256 - numPromptTokens).toBeLessThan(64 + 90);
    const huge = { input: "y".repeat(400), truncation: "auto" };
    expect(await responses.refusalOf(huge)).toMatchObject({ code: "context_length_exceeded", param: "input" });
  });
});

test("a text format is a grammar", async () => {
  const schema = { type: "object", properties: { age: { type: "integer" } }, required: ["age"] };
  await responses.create({ text: { format: { type: "json_schema", name: "person", schema } } });
  expect(responses.engine.requests[0]?.grammar?.ebnf).toContain("age");
  await responses.create({ text: { format: { type: "json_object" } } });
  expect(responses.engine.requests[1]?.grammar).toBeDefined();
  await responses.create({ text: { format: { type: "text" } } });
  expect(responses.engine.requests[2]?.grammar).toBeUndefined();
});

describe("what goes wrong", () => {
  test("before the first event is an ordinary answer", async () => {
    responses.engine.script = (call) => refuse(call, status.INTERNAL);
    const response = await responses.region.post("/v1/responses", { ...ask, stream: true });
    expect(response.status).toBeGreaterThanOrEqual(500);
    expect(await response.json()).toHaveProperty("error.code");
  });

  test("after it is the response's own last event, with what was written so far", async () => {
    responses.engine.script = (call) => {
      call.write({ tokenIds: bytesOf("half") });
      setTimeout(() => refuse(call, status.INTERNAL), 50);
    };
    const events = await responses.eventsOf(ask);
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
    responses.engine.script = (call) => call.write({ tokenIds: bytesOf("half") });
    const before = responses.engine.numCancelled;
    const stream = await responses.client.responses.create({ ...ask, stream: true });
    for await (const event of stream) if (event.type === "response.output_text.delta") break;
    await expect.poll(() => responses.engine.numCancelled, { timeout: 10_000 }).toBe(before + 1);
  });
});
