// Logprobs and echo as callers of the two endpoints get them, whole and streamed.
import type { ChatCompletion, ChatCompletionChunk } from "@sluice/shared/openai/chat-completion.ts";
import type { Completion } from "@sluice/shared/openai/completion.ts";
import type { CompletionLogprobs } from "@sluice/shared/openai/logprobs.ts";
import { describe, expect, test } from "vitest";
import { endOfText, imEnd } from "./fixtures/byte-tokenizer.ts";
import { assertOpenAi } from "./fixtures/openai-schema.ts";
import { regionEachTest } from "./fixtures/region-each-test.ts";
import { type ScriptedEngine } from "./fixtures/scripted-engine.ts";
import { answerWithLogprobs, responseOf, scriptedLogprobs } from "./fixtures/scripted-logprobs.ts";
import { type TestRegion } from "./fixtures/test-region.ts";
import { bytesOf, eventsOf, hello } from "./fixtures/wire.ts";

let engine: ScriptedEngine;
let region: TestRegion;

regionEachTest((...started) => {
  [engine, region] = started;
});

async function whole<Answer>(route: string, payload: object): Promise<Answer> {
  const response = await region.post(route, payload);
  expect(response.status).toBe(200);
  return (await response.json()) as Answer;
}

async function streamed<Event>(route: string, payload: object): Promise<Event[]> {
  const response = await region.post(route, { ...payload, stream: true });
  const events = eventsOf(await response.text());
  expect(events.pop()).toBe("[DONE]");
  return events as Event[];
}

describe("chat completions", () => {
  const route = "/v1/chat/completions";
  const asked = { ...hello, logprobs: true, top_logprobs: 2 };
  // "hé🦊", its last two characters in pieces.
  const batches = [[104], [0xc3, 0xa9], [0xf0, 0x9f], [0xa6], [0x8a]];

  test("tell every token: its text, its exact bytes, and the likeliest in its place", async () => {
    engine.script = (call) => answerWithLogprobs(call, batches);
    const answer = await whole<ChatCompletion>(route, asked);
    assertOpenAi("CreateChatCompletionResponse", answer);
    expect(engine.requests[0]?.logprobs).toEqual({ numTop: 2, prompt: false });
    const [choice] = answer.choices;
    expect(choice?.message.content).toBe("hé🦊");
    const content = choice?.logprobs?.content ?? [];
    const escaped = ["\\xc3", "\\xa9", "\\xf0", "\\x9f", "\\xa6", "\\x8a"];
    expect(content.map(({ token }) => token)).toEqual(["h", ...escaped]);
    expect(Buffer.from(content.flatMap(({ bytes }) => bytes ?? [])).toString()).toBe("hé🦊");
    expect(content.map(({ logprob }) => logprob)).toEqual(batches.flat().map((id) => scriptedLogprobs(id, 0).logprob));
    expect(content[0]?.top_logprobs).toEqual([
      { token: "i", logprob: -1 / 16, bytes: [105] },
      { token: "j", logprob: -2 / 16, bytes: [106] },
    ]);
  });

  test("tell control tokens as they are spelled, without bytes", async () => {
    engine.script = (call) => answerWithLogprobs(call, [[259]]);
    const answer = await whole<ChatCompletion>(route, asked);
    expect(answer.choices[0]?.logprobs?.content[0]?.top_logprobs).toMatchObject([
      { token: "<|im_start|>", bytes: null },
      { token: "<|im_end|>", bytes: null },
    ]);
  });

  test("without top_logprobs name no others", async () => {
    engine.script = (call) => answerWithLogprobs(call, [bytesOf("a")]);
    const answer = await whole<ChatCompletion>(route, { ...hello, logprobs: true });
    expect(answer.choices[0]?.logprobs?.content).toMatchObject([{ token: "a", top_logprobs: [] }]);
    const plain = await whole<ChatCompletion>(route, hello);
    expect(plain.choices[0]?.logprobs).toBeNull();
    assertOpenAi("CreateChatCompletionResponse", plain);
  });

  test("tell the same in a stream, each token with its text", async () => {
    engine.script = (call) => answerWithLogprobs(call, batches);
    const answer = await whole<ChatCompletion>(route, asked);
    const events = await streamed<ChatCompletionChunk>(route, asked);
    for (const event of events) assertOpenAi("CreateChatCompletionStreamResponse", event);
    const choices = events.flatMap((event) => event.choices);
    expect(choices.flatMap(({ logprobs }) => logprobs?.content ?? [])).toEqual(answer.choices[0]?.logprobs?.content);
    for (const { delta, logprobs } of choices) {
      const bytes = (logprobs?.content ?? []).flatMap((token) => token.bytes ?? []);
      expect(Buffer.from(bytes).toString()).toBe(delta.content ?? "");
    }
    expect(choices[0]?.logprobs).toBeNull();
    expect(choices.at(-1)).toMatchObject({ logprobs: null, finish_reason: "length" });
  });

  test.each([false, true])("never tell what a stop string cut off (stream: %s)", async (stream) => {
    engine.script = (call) => {
      for (const id of bytesOf("one ENough END three")) call.write(responseOf(call.request, [id]));
    };
    const payload = { ...asked, stop: ["END"] };
    const choices = stream
      ? (await streamed<ChatCompletionChunk>(route, payload)).flatMap((event) => event.choices)
      : (await whole<ChatCompletion>(route, payload)).choices;
    const tokens = choices.flatMap(({ logprobs }) => logprobs?.content ?? []);
    expect(tokens.map(({ token }) => token).join("")).toBe("one ENough ");
  });
});

describe("text completions", () => {
  const route = "/v1/completions";
  const asked = { model: "tiny", prompt: "hello", logprobs: 2 };

  test("tell tokens, logprobs, alternatives with the token itself, and where each begins", async () => {
    engine.script = (call) =>
      answerWithLogprobs(call, [
        [0xf0, 0x9f, 0xa6, 0x8a],
        [259, 104],
      ]);
    const answer = await whole<Completion>(route, asked);
    assertOpenAi("CreateCompletionResponse", answer);
    expect(engine.requests[0]?.logprobs).toEqual({ numTop: 2, prompt: false });
    expect(answer.choices[0]?.text).toBe("🦊 wh");
    const logprobs = answer.choices[0]?.logprobs;
    expect(logprobs).toMatchObject({
      tokens: ["bytes:\\xf0", "bytes:\\x9f", "bytes:\\xa6", "bytes:\\x8a", " w", "h"],
      text_offset: [0, 0, 0, 0, 1, 3],
    });
    // The scripted alternatives of 104, "h", are "i" and "j".
    expect(logprobs?.top_logprobs[5]).toEqual({ i: -1 / 16, j: -2 / 16, h: -1 / 16 });
    expect(logprobs?.token_logprobs[5]).toBe(-1 / 16);
  });

  test("of 0 alternatives tell the token's own", async () => {
    engine.script = (call) => answerWithLogprobs(call, [[104]]);
    const answer = await whole<Completion>(route, { ...asked, logprobs: 0 });
    expect(answer.choices[0]?.logprobs?.top_logprobs).toEqual([{ h: -1 / 16 }]);
  });

  test("tell the same in a stream", async () => {
    engine.script = (call) => answerWithLogprobs(call, ["a", "bc", "d"].map(bytesOf));
    for (const echo of [false, true]) {
      const answer = await whole<Completion>(route, { ...asked, echo });
      const events = await streamed<Completion>(route, { ...asked, echo });
      const choices = events.flatMap((event) => event.choices);
      expect(choices.map(({ text }) => text).join("")).toBe(answer.choices[0]?.text);
      const joined = (list: keyof CompletionLogprobs): unknown[] =>
        choices.flatMap(({ logprobs }): readonly unknown[] => logprobs?.[list] ?? []);
      for (const list of ["tokens", "token_logprobs", "top_logprobs", "text_offset"] as const) {
        expect(joined(list)).toEqual(answer.choices[0]?.logprobs?.[list]);
      }
    }
  });
});

describe("echo", () => {
  const route = "/v1/completions";

  test("puts the prompt before the answer, as it was written or as its tokens read", async () => {
    engine.script = (call) => answerWithLogprobs(call, [bytesOf("!")]);
    const asked = { model: "tiny", echo: true };
    const written = await whole<Completion>(route, { ...asked, prompt: "<|im_end|>hello" });
    expect(written).toMatchObject({ choices: [{ text: "<|im_end|>hello!", logprobs: null }] });
    assertOpenAi("CreateCompletionResponse", written);
    const read = await whole<Completion>(route, { ...asked, prompt: [imEnd, 258, ...bytesOf("o")] });
    expect(read).toMatchObject({ choices: [{ text: "hello!" }], usage: { prompt_tokens: 3, completion_tokens: 1 } });
    const events = await streamed<Completion>(route, { ...asked, prompt: "hello" });
    expect(events.flatMap(({ choices }) => choices.map(({ text }) => text)).join("")).toBe("hello!");
    expect(engine.requests.every(({ logprobs }) => logprobs === undefined)).toBe(true);
  });

  test("with logprobs tells the prompt's tokens too, the first without any", async () => {
    engine.script = (call) => answerWithLogprobs(call, [bytesOf("!")]);
    const answer = await whole<Completion>(route, { model: "tiny", prompt: "hello w", echo: true, logprobs: 1 });
    expect(engine.requests[0]).toMatchObject({ logprobs: { numTop: 1, prompt: true } });
    expect(answer.choices[0]).toMatchObject({
      text: "hello w!",
      logprobs: {
        tokens: ["hell", "o", " w", "!"],
        token_logprobs: [null, -8 / 16, -4 / 16, -2 / 16],
        top_logprobs: [null, { p: -1 / 16, o: -8 / 16 }, expect.anything(), { '"': -1 / 16, "!": -2 / 16 }],
        text_offset: [0, 4, 5, 7],
      },
    });
  });

  test("of a prompt alone asks the engine for no tokens", async () => {
    engine.script = (call) => answerWithLogprobs(call, []);
    const asked = { model: "tiny", prompt: "hello", echo: true, logprobs: 0, max_tokens: 0 };
    const answer = await whole<Completion>(route, asked);
    expect(engine.requests[0]?.stopping).toMatchObject({ maxTokens: 0 });
    expect(answer).toMatchObject({
      choices: [{ text: "hello", logprobs: { tokens: ["hell", "o"] }, finish_reason: "length" }],
      usage: { prompt_tokens: 2, completion_tokens: 0, total_tokens: 2 },
    });
  });

  test("is not searched for stop strings", async () => {
    engine.script = (call) => answerWithLogprobs(call, [bytesOf("ab"), [endOfText]]);
    const answer = await whole<Completion>(route, { model: "tiny", prompt: "hello", echo: true, stop: ["ell", "oa"] });
    expect(answer.choices[0]?.text).toBe("helloab");
  });
});
