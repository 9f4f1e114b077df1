import type { ToolCallLLM } from "@llamaindex/core/llms";
import { tool } from "@llamaindex/core/tools";
import { OpenAI, OpenAIEmbedding, OpenAIResponses } from "@llamaindex/openai";
import { describe, expect, inject, it } from "vitest";
import { documentedFetch } from "./published/documented-fetch.ts";
import { count, weather } from "./questions.ts";

const { baseUrl, apiKey, model } = inject("stack");
const connection = {
  apiKey,
  baseURL: baseUrl,
  model,
  maxRetries: 0,
  additionalSessionOptions: { fetch: documentedFetch(baseUrl) },
};

const getWeather = tool({
  name: weather.tool,
  description: weather.description,
  parameters: weather.arguments,
  execute: () => weather.result,
});

const asking = (content: string) => ({ messages: [{ role: "user" as const, content }] });

const chat = new OpenAI({ ...connection, temperature: 0 });
const responses = new OpenAIResponses({ ...connection, temperature: 0 });

describe.each<{ name: string; llm: ToolCallLLM }>([
  { name: "OpenAI", llm: chat },
  { name: "OpenAIResponses", llm: responses },
])("@llamaindex/openai: $name", ({ llm }) => {
  it("answers", async () => {
    expect((await llm.chat(asking(count.question))).message.content).toBe(count.answer);
  });

  it("calls a tool and answers from its result", async () => {
    const asked = { ...asking(weather.question), tools: [getWeather] };
    const { newMessages, toolCalls } = await llm.exec(asked);
    expect(toolCalls.map(({ name, input }) => ({ name, input }))).toEqual([
      { name: weather.tool, input: weather.call },
    ]);
    const answer = await llm.chat({ ...asked, messages: [...asked.messages, ...newMessages] });
    // It words results in a way that the pocket model has not learnt.
    expect(answer.message.content).toContain(String(weather.result.temperature));
  });
});

// Of responses its streams say the last piece again at every event after it, whoever answers.
it("@llamaindex/openai streams a chat", async () => {
  let streamed = "";
  for await (const { delta } of await chat.chat({ ...asking(count.question), stream: true })) streamed += delta;
  expect(streamed).toBe(count.answer);
});

it("@llamaindex/openai embeds, each text as itself in a batch", async () => {
  const embeddings = new OpenAIEmbedding(connection);
  const [first] = await embeddings.getTextEmbeddings(["a red fox", "a blue door"]);
  expect(first).toEqual(await embeddings.getTextEmbedding("a red fox"));
});
