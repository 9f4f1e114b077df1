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
    const getWeather = tool(async () => weather.result, {
      name: weather.tool,
      description: weather.description,
      schema: weather.arguments,
    });
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
