// Several choices of one prompt, and several prompts: how they are asked for, told apart, counted and ended.
import { status } from "@grpc/grpc-js";
import { FinishReason, type GenerateResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type OpenAI from "openai";
import { describe, expect, test } from "vitest";
import { assertOpenAi } from "./fixtures/openai-schema.ts";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import { answer, type GenerateCall, refuse, ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { settled, TestRegion, until } from "./fixtures/test-region.ts";
import { bytesOf, eventsOf, hello } from "./fixtures/wire.ts";

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest((...started) => {
  [engine, region] = started;
});

describe("several choices of one prompt", () => {
  test("are one call to the engine and, whole, one answer in the order of their indexes", async () => {
    engine.script = (call) => {
      call.write({ tokenIds: bytesOf("on"), index: 0, cachedTokens: 16 });
      call.write({ tokenIds: bytesOf("two"), index: 1, cachedTokens: 32 });
      finish(call, 1, 4, FinishReason.STOP);
      call.write({ tokenIds: bytesOf("e"), index: 0 });
      finish(call, 0, 3, FinishReason.LENGTH);
      call.end();
    };
    const whole = await region.openai.chat.completions.create({ ...hello, messages: [...hello.messages], n: 2 });
    assertOpenAi("CreateChatCompletionResponse", whole);
    expect(whole.choices).toMatchObject([
      { index: 0, message: { content: "one" }, finish_reason: "length" },
      { index: 1, message: { content: "two" }, finish_reason: "stop" },
    ]);
    expect(whole.usage).toMatchObject({ completion_tokens: 7, prompt_tokens_details: { cached_tokens: 16 } });
    expect(whole.usage?.prompt_tokens).toBe(engine.requests[0]?.promptTokenIds.length);
    expect(engine.requests).toMatchObject([{ n: 2 }]);
  });

  test("stream with their index: each its role first, then its text, then its end; usage once", async () => {
    engine.script = (call) => {
      for (const index of [0, 1, 2]) call.write({ tokenIds: bytesOf(`${index}`), index });
      for (const index of [2, 0, 1]) finish(call, index, 1, FinishReason.LENGTH);
      call.end();
    };
    const options = { stream: true, stream_options: { include_usage: true } };
    const response = await region.post("/v1/chat/completions", { ...hello, ...options, n: 3 });
    const events = eventsOf(await response.text()).slice(0, -1) as OpenAI.ChatCompletionChunk[];
    for (const event of events) assertOpenAi("CreateChatCompletionStreamResponse", event);
    for (const index of [0, 1, 2]) {
      const own = events.flatMap((event) => event.choices).filter((choice) => choice.index === index);
      expect(own.map(({ delta }) => delta)).toEqual([{ role: "assistant", content: "" }, { content: `${index}` }, {}]);
      expect(own.map((choice) => choice.finish_reason)).toEqual([null, null, "length"]);
    }
    expect(events.filter(({ usage }) => usage)).toMatchObject([{ choices: [], usage: { completion_tokens: 3 } }]);
  });

  test("a stop string ends its choice, in the engine too, and no other", async () => {
    engine.script = (call) => {
      call.write({ tokenIds: bytesOf("one END, and what came before the engine knew"), index: 1 });
      call.write({ tokenIds: bytesOf("first"), index: 0 });
    };
    const reply = region.post("/v1/completions", { model: "tiny", prompt: "hi", n: 2, stop: "END" });
    await until(() => engine.aborts.length > 0);
    expect(engine.aborts).toEqual([{ requestId: engine.requests[0]?.requestId, indexes: [1] }]);
    const call = engine.calls[0]!;
    call.write({ tokenIds: bytesOf(", still late"), index: 1 });
    call.write({ tokenIds: bytesOf(" END"), index: 0 });
    const whole = (await (await reply).json()) as OpenAI.Completion;
    assertOpenAi("CreateCompletionResponse", whole);
    expect(whole.choices.map(({ text, finish_reason: reason }) => [text, reason])).toEqual([
      ["first ", "stop"],
      ["one ", "stop"],
    ]);
    expect(whole.usage?.completion_tokens).toBe("one END".length + "first END".length);
    await until(() => engine.numCancelled === 1);
    expect(engine.aborts).toHaveLength(1);
  });

  test("a client that leaves ends the call", async () => {
    engine.script = (call) => call.write({ tokenIds: bytesOf("a"), index: 1 });
    const request = { ...hello, messages: [...hello.messages], n: 3 };
    for await (const chunk of await region.openai.chat.completions.create({ ...request, stream: true })) {
      if (chunk.choices[0]?.delta.content === "a") break;
    }
    expect(await settled(() => engine.numCancelled)).toBe(1);
  });

  test("with echo each begins with the prompt and its logprobs, whichever choice the engine tells first", async () => {
    const logprob = { logprob: -1, topTokenIds: [], topLogprobs: [] };
    engine.script = (call) => {
      call.write({ tokenIds: bytesOf("b"), index: 1, logprobs: { tokens: [logprob], prompt: [] } });
      call.write({ tokenIds: [], index: 0, logprobs: { tokens: [], prompt: [logprob, logprob] } });
      call.write({ tokenIds: bytesOf("a"), index: 0, logprobs: { tokens: [logprob], prompt: [] } });
      for (const index of [0, 1]) finish(call, index, 1, FinishReason.LENGTH);
      call.end();
    };
    for (const stream of [false, true]) {
      const prompt = bytesOf("xyz");
      const response = await region.post("/v1/completions", {
        model: "tiny",
        prompt,
        n: 2,
        echo: true,
        logprobs: 0,
        stream,
      });
      const text = await response.text();
      const events = (stream ? eventsOf(text).slice(0, -1) : [JSON.parse(text)]) as OpenAI.Completion[];
      const choices = events.flatMap((event) => event.choices);
      for (const [index, letter] of ["a", "b"].entries()) {
        const own = choices.filter((choice) => choice.index === index);
        expect(own.map((choice) => choice.text).join("")).toBe(`xyz${letter}`);
        expect(own.flatMap((choice) => choice.logprobs?.token_logprobs ?? [])).toEqual([null, -1, -1, -1]);
      }
    }
  });
});

describe("best_of", () => {
  test("gives the n with the highest log probability per token, best first, and counts all", async () => {
    engine.script = scored([[-2, -2], [-1, -1, -1, -1], [-3], [-0.5, -2]]);
    const whole = await region.openai.completions.create({ model: "tiny", prompt: "hi", n: 2, best_of: 4 });
    expect(whole.choices.map(({ index, text, logprobs }) => [index, text, logprobs])).toEqual([
      [0, "1111", null],
      [1, "33", null],
    ]);
    expect(whole.usage?.completion_tokens).toBe(9);
    expect(engine.requests).toMatchObject([{ n: 4, logprobs: { numTop: 0, prompt: false } }]);
  });

  test("of n is n, streamed or not, and asks for no logprobs", async () => {
    engine.script = (call) => {
      for (const index of [0, 1]) finish(call, index, 0, FinishReason.LENGTH);
      call.end();
    };
    const body = { model: "tiny", prompt: "hi", n: 2, best_of: 2 };
    for (const stream of [true, false])
      expect((await region.post("/v1/completions", { ...body, stream })).status).toBe(200);
    expect(engine.requests.map(({ n, logprobs }) => [n, logprobs])).toEqual([
      [2, undefined],
      [2, undefined],
    ]);
  });
});

describe("several prompts", () => {
  test("are answered in one answer, choice by choice and prompt by prompt, and counted together", async () => {
    engine.script = (call) => {
      const [first = 0] = call.request.promptTokenIds;
      for (const index of [1, 0]) {
        call.write({ tokenIds: [first, ...bytesOf(`${index}`)], index });
        finish(call, index, 2, FinishReason.LENGTH);
      }
      call.end();
    };
    const prompts = [bytesOf("a"), bytesOf("bb"), bytesOf("c")];
    const whole = await region.openai.completions.create({ model: "tiny", prompt: prompts, n: 2 });
    assertOpenAi("CreateCompletionResponse", whole);
    expect(whole.choices.map(({ index, text }) => [index, text])).toEqual(
      ["a0", "a1", "b0", "b1", "c0", "c1"].map((text, index) => [index, text]),
    );
    expect(whole.usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 12, total_tokens: 16 });
    expect(new Set(engine.requests.map(({ requestId }) => requestId)).size).toBe(3);

    const stream = await region.post("/v1/completions", { model: "tiny", prompt: ["a", "b"], stream: true });
    const events = eventsOf(await stream.text());
    expect(events.at(-1)).toBe("[DONE]");
    const choices = (events.slice(0, -1) as OpenAI.Completion[]).flatMap((event) => event.choices);
    expect(choices.filter((choice) => choice.finish_reason === "length").map(({ index }) => index)).toEqual([0, 1]);
  });

  test("a list of one is one", async () => {
    engine.script = (call) => answer(call, [bytesOf("x")]);
    const whole = await region.openai.completions.create({ model: "tiny", prompt: ["hi"] });
    expect(whole.choices).toMatchObject([{ index: 0, text: "x" }]);
    expect(engine.requests[0]?.requestId).toBe(whole.id.replace("cmpl-", ""));
  });

  test("when one fails the others are ended", async () => {
    engine.script = (call) => {
      if (engine.calls.length === 3) refuse(call, status.INTERNAL);
    };
    const response = await region.post("/v1/completions", { model: "tiny", prompt: ["a", "b", "c"] });
    expect(response.status).toBe(500);
    await until(() => engine.numCancelled >= 2);
  });

  test("of many long prompts, those that one engine may queue are asked for at once, and then the others", async () => {
    const long = new ScriptedEngine("tiny", 10_000);
    await long.start();
    const roomy = await TestRegion.start([long], { maxBodyBytes: 2 ** 22 });
    long.script = () => {};
    const prompt = Array.from({ length: 20 }, () => Array.from({ length: 8_000 }, () => 65));
    const reply = roomy.post("/v1/completions", { model: "tiny", prompt });
    await until(() => long.calls.length > 0);
    expect(await settled(() => long.calls.length)).toBe(8);
    long.script = (call) => answer(call, [bytesOf("y")]);
    for (const call of long.calls.slice(0, 8)) answer(call, [bytesOf("x")]);
    const { choices } = (await (await reply).json()) as { choices: { text: string }[] };
    expect(choices.map(({ text }) => text).join("")).toBe("x".repeat(8) + "y".repeat(12));
    await roomy.stop();
    long.kill();
  });

  test("a client that leaves ends all of them", async () => {
    engine.script = () => {};
    const controller = new AbortController();
    const request = { model: "tiny", prompt: ["a", "b"] };
    const reply = region.openai.completions.create(request, { signal: controller.signal });
    await until(() => engine.calls.length === 2);
    controller.abort();
    await expect(reply).rejects.toThrow("aborted");
    await until(() => engine.numCancelled === 2);
  });
});

test.each<[string, object, string]>([
  ["best_of below n", { n: 3, best_of: 2 }, "best_of"],
  ["best_of of a stream", { best_of: 2, stream: true }, "best_of"],
  ["more choices than an engine holds", { n: 128, prompt: ["a", "b", "c"] }, "n"],
  ["more of the best than an engine holds", { best_of: 20, prompt: Array.from({ length: 13 }, () => "a") }, "best_of"],
])("refuses %s", async (_, wrong, param) => {
  const response = await region.post("/v1/completions", { model: "tiny", prompt: "hi", ...wrong });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { code: "invalid_value", param } });
  expect(engine.requests).toHaveLength(0);
});

/** Ends one choice; ending the call is the script's business. */
function finish(call: GenerateCall, index: number, completionTokens: number, reason: FinishReason): void {
  const promptTokens = call.request.promptTokenIds.length;
  const message: GenerateResponse = {
    tokenIds: [],
    index,
    finish: { reason, promptTokens, completionTokens, cachedTokens: index === 0 ? 16 : 0 },
  };
  call.write(message);
}

/** Choices whose tokens have these logprobs. */
function scored(logprobs: readonly (readonly number[])[]): (call: GenerateCall) => void {
  return (call) => {
    for (const [index, own] of logprobs.entries()) {
      const tokens = own.map((logprob) => ({ logprob, topTokenIds: [], topLogprobs: [] }));
      const tokenIds = own.map(() => bytesOf(`${index}`)[0] ?? 0);
      call.write({ tokenIds, index, logprobs: { tokens, prompt: [] } });
      finish(call, index, own.length, FinishReason.LENGTH);
    }
    call.end();
  };
}
