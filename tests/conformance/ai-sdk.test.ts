import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embedMany, generateText, isStepCount, Output, streamText, tool } from "ai";
import { describe, expect, inject, it } from "vitest";
import { documentedFetch } from "./published/documented-fetch.ts";
import { count, person, weather } from "./questions.ts";

const { baseUrl, apiKey, model } = inject("stack");
const settings = { baseURL: baseUrl, apiKey, fetch: documentedFetch(baseUrl) };
const openai = createOpenAI(settings);
const compatible = createOpenAICompatible({
  ...settings,
  name: "sluice",
  includeUsage: true,
  supportsStructuredOutputs: true,
});

const get_weather = tool({
  description: weather.description,
  inputSchema: weather.arguments,
  execute: async () => weather.result,
});

describe.each([
  { provider: "@ai-sdk/openai", chat: openai.chat(model), content: "messages[0].content[0]" },
  { provider: "@ai-sdk/openai's responses", chat: openai.responses(model), content: "input[0].content[0]" },
  { provider: "@ai-sdk/openai-compatible", chat: compatible.chatModel(model), content: "messages[0].content[0]" },
])("ai with $provider", ({ chat, content }) => {
  const calm = { model: chat, temperature: 0, maxRetries: 0 };

  it("generates and streams text, and counts tokens", async () => {
    const whole = await generateText({ ...calm, prompt: count.question });
    expect(whole.text).toBe(count.answer);
    expect(whole.finishReason).toBe("stop");
    expect(whole.usage.inputTokens).toBeGreaterThan(5);
    expect(whole.usage.outputTokens).toBeGreaterThan(20);
    const streamed = streamText({ ...calm, prompt: count.question });
    let answer = "";
    for await (const delta of streamed.textStream) answer += delta;
    expect(answer).toBe(count.answer);
    expect((await streamed.usage).outputTokens).toBe(whole.usage.outputTokens);
  });

  it("makes an object of a schema, streamed and not", async () => {
    const asked = { ...calm, prompt: person.question, output: Output.object({ schema: person.schema }) };
    expect((await generateText(asked)).output).toEqual(person.answer);
    expect(await streamText(asked).output).toEqual(person.answer);
  });

  it("calls tools and answers from their results, streamed and not", async () => {
    const asked = { ...calm, prompt: weather.question, tools: { get_weather }, stopWhen: isStepCount(3) };
    const whole = await generateText(asked);
    expect(whole.text).toBe(weather.answer);
    expect(whole.steps[0]?.toolCalls[0]?.input).toEqual(weather.call);
    expect(await streamText(asked).text).toBe(weather.answer);
  });

  it("stops when it is aborted, and serves on", async () => {
    const leaving = new AbortController();
    const endless = streamText({ ...calm, prompt: "Count from 1 to 100.", abortSignal: leaving.signal });
    const kinds: string[] = [];
    for await (const { type } of endless.fullStream) {
      kinds.push(type);
      if (type === "text-delta") leaving.abort();
    }
    expect(kinds.at(-1)).toBe("abort");
    expect((await generateText({ ...calm, prompt: count.question })).text).toBe(count.answer);
  });

  it("hears which part of a message is refused", async () => {
    const image = { type: "file", data: new Uint8Array([137, 80, 78, 71]), mediaType: "image/png" } as const;
    const refusal = await generateText({ ...calm, messages: [{ role: "user", content: [image] }] }).catch(
      (error: unknown) => error,
    );
    if (!APICallError.isInstance(refusal)) throw new Error("expected a refusal");
    expect(refusal.statusCode).toBe(400);
    expect(refusal.message).toContain(content);
    expect(refusal.isRetryable).toBe(false);
  });
});

describe.each([
  { provider: "@ai-sdk/openai", text: openai.completion(model), vectors: openai.embedding(model) },
  {
    provider: "@ai-sdk/openai-compatible",
    text: compatible.completionModel(model),
    vectors: compatible.embeddingModel(model),
  },
])("ai with $provider, without a chat", ({ text, vectors }) => {
  it("completes a prompt", async () => {
    const { text: answer } = await generateText({
      model: text,
      temperature: 0,
      prompt: "Monday, Tuesday,",
      maxOutputTokens: 4,
    });
    expect(answer).not.toBe("");
  });

  it("embeds", async () => {
    const { embeddings, usage } = await embedMany({ model: vectors, values: ["a red fox", "a blue door"] });
    expect(embeddings.map((embedding) => Math.hypot(...embedding).toFixed(4))).toEqual(["1.0000", "1.0000"]);
    expect(usage.tokens).toBeGreaterThan(4);
  });
});
