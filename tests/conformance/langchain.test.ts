import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { describe, expect, inject, it } from "vitest";
import { documentedFetch } from "./published/documented-fetch.ts";
import { count, person, weather } from "./questions.ts";

const { baseUrl, apiKey, model } = inject("stack");
const connection = {
  apiKey,
  model,
  maxRetries: 0,
  configuration: { baseURL: baseUrl, fetch: documentedFetch(baseUrl) },
};
const chat = new ChatOpenAI({ ...connection, temperature: 0, useResponsesApi: false });

const getWeather = tool(async () => JSON.stringify(weather.result), {
  name: weather.tool,
  description: weather.description,
  schema: weather.arguments,
});

describe("@langchain/openai", () => {
  it("answers, alone, in a batch and streamed, with usage", async () => {
    const answer = await chat.invoke(count.question);
    expect(answer.content).toBe(count.answer);
    const batch = await chat.batch(["What is 47 + 38?", "What is 1 + 2?"]);
    expect(batch.map(({ content }) => content)).toEqual(["47 + 38 = 85", "1 + 2 = 3"]);
    const chunks = await Array.fromAsync(await chat.stream(count.question));
    const streamed = chunks.reduce((whole, chunk) => whole.concat(chunk));
    expect(streamed.content).toBe(count.answer);
    const usage = { input_tokens: 17, output_tokens: 70, total_tokens: 87 };
    expect(answer).toMatchObject({ usage_metadata: usage });
    expect(streamed).toMatchObject({ usage_metadata: usage });
  });

  it.each(["jsonSchema", "functionCalling", "jsonMode"] as const)(
    "makes an object of a schema by %s",
    async (method) => {
      const structured = chat.withStructuredOutput(person.schema, { name: "person", method });
      expect(await structured.invoke(person.question)).toEqual(person.answer);
    },
  );

  it("calls a bound tool", async () => {
    const { tool_calls } = await chat.bindTools([getWeather]).invoke(weather.question);
    expect(tool_calls?.map(({ name, args }) => ({ name, args }))).toEqual([{ name: weather.tool, args: weather.call }]);
  });

  it("completes a prompt", async () => {
    const llm = new OpenAI({ ...connection, temperature: 0, maxTokens: 8 });
    expect(await llm.invoke("Monday, Tuesday,")).not.toBe("");
  });

  it("embeds documents and queries alike", async () => {
    const embeddings = new OpenAIEmbeddings(connection);
    const [document] = await embeddings.embedDocuments(["a red fox"]);
    expect(document).toEqual(await embeddings.embedQuery("a red fox"));
    expect(document?.length).toBeGreaterThan(100);
  });
});

describe("@langchain/openai's responses", () => {
  const responses = new ChatOpenAI({ ...connection, temperature: 0, useResponsesApi: true });

  it("answers, whole and streamed, with usage", async () => {
    const answer = await responses.invoke(count.question);
    expect(answer.text).toBe(count.answer);
    const chunks = await Array.fromAsync(await responses.stream(count.question));
    expect(chunks.map(({ text }) => text).join("")).toBe(count.answer);
    expect(answer).toMatchObject({ usage_metadata: { output_tokens: 70 } });
  });

  it("calls a bound tool and goes on from its result", async () => {
    const bound = responses.bindTools([getWeather]);
    const first = await bound.invoke(weather.question);
    const [call] = first.tool_calls ?? [];
    if (call === undefined) throw new Error("no tool was called");
    expect(call.args).toEqual(weather.call);
    const result = await getWeather.invoke({ ...call, type: "tool_call" });
    const last = await bound.invoke([{ role: "user", content: weather.question }, first, result]);
    expect(last.text).toBe(weather.answer);
  });
});
