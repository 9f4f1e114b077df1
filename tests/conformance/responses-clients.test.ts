// Clients whose default is the Responses API.
import { createOpenAI } from "@ai-sdk/openai";
import { tool as langchainTool } from "@langchain/core/tools";
import { ChatOpenAI } from "@langchain/openai";
import { generateText, isStepCount, Output, streamText, tool } from "ai";
import { describe, expect, inject, it } from "vitest";
import { documentedFetch } from "./published/documented-fetch.ts";
import { count, person, weather } from "./questions.ts";

const { baseUrl, apiKey, model } = inject("stack");
const fetchChecked = documentedFetch(baseUrl);

describe("ai with @ai-sdk/openai's responses", () => {
  const calm = {
    model: createOpenAI({ baseURL: baseUrl, apiKey, fetch: fetchChecked }).responses(model),
    temperature: 0,
    maxRetries: 0,
  };
  const get_weather = tool({
    description: weather.description,
    inputSchema: weather.arguments,
    execute: async () => weather.result,
  });

  it("generates and streams text, and counts tokens", async () => {
    const whole = await generateText({ ...calm, prompt: count.question });
    expect(whole.text).toBe(count.answer);
    expect(whole.finishReason).toBe("stop");
    expect(whole.usage.outputTokens).toBeGreaterThan(20);
    const streamed = streamText({ ...calm, prompt: count.question });
    expect(await streamed.text).toBe(count.answer);
    expect((await streamed.usage).outputTokens).toBe(whole.usage.outputTokens);
  });

  it("makes an object of a schema, streamed and not", async () => {
    const asked = { ...calm, prompt: person.question, output: Output.object({ schema: person.schema }) };
    expect((await generateText(asked)).output).toEqual(person.answer);
    expect(await streamText(asked).output).toEqual(person.answer);
  });

  // It names the call that it goes on from by the id under which it is kept.
  it("calls tools and answers from their results, streamed and not", async () => {
    const asked = { ...calm, prompt: weather.question, tools: { get_weather }, stopWhen: isStepCount(3) };
    const whole = await generateText(asked);
    expect(whole.text).toBe(weather.answer);
    expect(whole.steps[0]?.toolCalls[0]?.input).toEqual(weather.call);
    expect(await streamText(asked).text).toBe(weather.answer);
  });
});

describe("@langchain/openai's responses", () => {
  const chat = new ChatOpenAI({
    apiKey,
    model,
    temperature: 0,
    maxRetries: 0,
    useResponsesApi: true,
    configuration: { baseURL: baseUrl, fetch: fetchChecked },
  });

  it("answers, whole and streamed, with usage", async () => {
    const answer = await chat.invoke(count.question);
    expect(answer.text).toBe(count.answer);
    const chunks = await Array.fromAsync(await chat.stream(count.question));
    expect(chunks.map(({ text }) => text).join("")).toBe(count.answer);
    expect(answer).toMatchObject({ usage_metadata: { output_tokens: 70 } });
  });

  it("calls a bound tool and goes on from its result", async () => {
    const getWeather = langchainTool(async () => JSON.stringify(weather.result), {
      name: weather.tool,
      description: weather.description,
      schema: weather.arguments,
    });
    const bound = chat.bindTools([getWeather]);
    const first = await bound.invoke(weather.question);
    const [call] = first.tool_calls ?? [];
    if (call === undefined) throw new Error("no tool was called");
    expect(call.args).toEqual(weather.call);
    const result = await getWeather.invoke({ ...call, type: "tool_call" });
    const last = await bound.invoke([{ role: "user", content: weather.question }, first, result]);
    expect(last.text).toBe(weather.answer);
  });
});
