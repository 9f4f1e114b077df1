import OpenAI, { APIUserAbortError, NotFoundError } from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { describe, expect, inject, it } from "vitest";
import { documentedFetch } from "./published/documented-fetch.ts";
import { count, person, weather } from "./questions.ts";

const { baseUrl, apiKey, model } = inject("stack");
const client = new OpenAI({ baseURL: baseUrl, apiKey, fetch: documentedFetch(baseUrl), maxRetries: 0 });

const asking = (content: string) => ({ model, temperature: 0, messages: [{ role: "user" as const, content }] });
const weatherTool = zodFunction({
  name: weather.tool,
  description: weather.description,
  parameters: weather.arguments,
  function: () => JSON.stringify(weather.result),
});

function tokensOf(completion: OpenAI.ChatCompletion): (string | undefined)[] | undefined {
  return completion.choices[0]?.logprobs?.content?.map(({ token }) => token);
}

describe("openai: chat.completions", () => {
  it("parses an answer under a zod schema", async () => {
    const completion = await client.chat.completions.parse({
      ...asking(person.question),
      response_format: zodResponseFormat(person.schema, "person"),
    });
    expect(completion.choices[0]?.message.parsed).toEqual(person.answer);
  });

  it("gives the same text streamed and not", async () => {
    const sampling = { ...asking("Tell me a story about a fox."), temperature: 1, seed: 11, max_tokens: 60 };
    const whole = await client.chat.completions.create(sampling);
    const runner = client.chat.completions.stream({ ...sampling, stream_options: { include_usage: true } });
    let deltas = "";
    runner.on("content", (delta) => (deltas += delta));
    const streamed = await runner.finalChatCompletion();
    expect(streamed.choices[0]?.message.content).toBe(whole.choices[0]?.message.content);
    expect(deltas).toBe(whole.choices[0]?.message.content);
    expect(streamed.usage?.completion_tokens).toBe(whole.usage?.completion_tokens);
  });

  it("streams what the helper parses", async () => {
    const runner = client.chat.completions.stream({
      ...asking(person.question),
      response_format: zodResponseFormat(person.schema, "person"),
    });
    expect((await runner.finalChatCompletion()).choices[0]?.message.parsed).toEqual(person.answer);
  });

  it("hands over log probabilities that the stream helper joins", async () => {
    const options = { ...asking(count.question), max_tokens: 8, logprobs: true, top_logprobs: 3 };
    const whole = await client.chat.completions.create(options);
    const streamed = await client.chat.completions.stream(options).finalChatCompletion();
    expect(tokensOf(whole)).toHaveLength(8);
    expect(tokensOf(streamed)).toEqual(tokensOf(whole));
    expect(whole.choices[0]?.logprobs?.content?.every(({ top_logprobs }) => top_logprobs.length === 3)).toBe(true);
  });

  it.each([false, true])("runs tools until there is an answer, streamed: %s", async (stream) => {
    const options = { ...asking(weather.question), tools: [weatherTool] };
    const runner = stream
      ? client.chat.completions.runTools({ ...options, stream })
      : client.chat.completions.runTools(options);
    expect(await runner.finalContent()).toBe(weather.answer);
    expect(runner.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
    expect((await runner.finalFunctionToolCall())?.arguments).toContain(weather.call.city);
  });

  it.each([false, true])("goes on from messages that a helper parsed, streamed: %s", async (stream) => {
    const question = { role: "user" as const, content: weather.question };
    const options = { model, temperature: 0, tools: [weatherTool] };
    const first = await (stream
      ? client.chat.completions.stream({ ...options, messages: [question] }).finalChatCompletion()
      : client.chat.completions.parse({ ...options, messages: [question] }));
    const message = first.choices[0]?.message;
    const [call] = message?.tool_calls ?? [];
    if (message === undefined || call?.type !== "function") throw new Error("no tool was called");
    expect(call.function.parsed_arguments).toEqual(weather.call);
    const result = { role: "tool" as const, tool_call_id: call.id, content: JSON.stringify(weather.result) };
    const last = await client.chat.completions.parse({ ...options, messages: [question, message, result] });
    expect(last.choices[0]?.message.content).toBe(weather.answer);
  });

  it.each([false, true])("calls functions in the older words, streamed: %s", async (stream) => {
    const question = { role: "user" as const, content: weather.question };
    const parameters = weather.arguments.toJSONSchema();
    const functions = [{ name: weather.tool, description: weather.description, parameters }];
    const ask = async (messages: OpenAI.ChatCompletionMessageParam[]): Promise<OpenAI.ChatCompletion> => {
      const options = { model, temperature: 0, messages, functions };
      return stream
        ? client.chat.completions.stream(options).finalChatCompletion()
        : client.chat.completions.create(options);
    };
    const [first] = (await ask([question])).choices;
    if (!first?.message.function_call) throw new Error("no function was called");
    expect(first.finish_reason).toBe("function_call");
    expect(JSON.parse(first.message.function_call.arguments)).toEqual(weather.call);
    const result = { role: "function" as const, name: weather.tool, content: JSON.stringify(weather.result) };
    const [last] = (await ask([question, first.message, result])).choices;
    expect(last?.message.content).toBe(weather.answer);
  });

  it("calls the tool that it must call, and no other", async () => {
    const { choices } = await client.chat.completions.create({
      ...asking("Hello!"),
      tools: [weatherTool],
      tool_choice: { type: "function", function: { name: weather.tool } },
    });
    const [call] = choices[0]?.message.tool_calls ?? [];
    if (call?.type !== "function") throw new Error("no function was called");
    expect(call.function.name).toBe(weather.tool);
    expect(weather.arguments.safeParse(JSON.parse(call.function.arguments)).success).toBe(true);
    expect(choices[0]?.finish_reason).toBe("tool_calls");
  });

  it("stops when it is aborted, and serves on", async () => {
    const controller = new AbortController();
    const stream = await client.chat.completions.create(
      { ...asking("Count from 1 to 100."), stream: true },
      { signal: controller.signal },
    );
    let chunks = 0;
    for await (const chunk of stream) {
      expect(chunk.object).toBe("chat.completion.chunk");
      if (++chunks === 3) controller.abort();
    }
    expect(chunks).toBeLessThan(100);
    const unstreamed = client.chat.completions.create(asking("Count from 1 to 100."), {
      signal: AbortSignal.timeout(1),
    });
    await expect(unstreamed).rejects.toThrow(APIUserAbortError);
    const { choices } = await client.chat.completions.create(asking(count.question));
    expect(choices[0]?.message.content).toBe(count.answer);
  });

  it("retries what a region could not do, and only that", async () => {
    let calls = 0;
    const check = documentedFetch(baseUrl);
    const flaky = client.withOptions({
      maxRetries: 2,
      fetch: async (input, init) => {
        calls += 1;
        if (calls < 3)
          return Response.json({ error: { message: "busy" } }, { status: 503, headers: { "retry-after-ms": "1" } });
        return check(input, init);
      },
    });
    const { choices } = await flaky.chat.completions.create(asking(count.question));
    expect(choices[0]?.message.content).toBe(count.answer);
    expect(calls).toBe(3);
    await expect(flaky.chat.completions.create({ ...asking("x"), model: "none" })).rejects.toThrow(NotFoundError);
    expect(calls).toBe(4);
  });
});

describe("openai: completions, embeddings, models", () => {
  it("completes several prompts, with echo and log probabilities", async () => {
    const { choices } = await client.completions.create({
      model,
      prompt: ["12, 13, 14,", "Monday, Tuesday,"],
      max_tokens: 4,
      temperature: 0,
      echo: true,
      logprobs: 2,
    });
    expect(choices.map(({ index }) => index)).toEqual([0, 1]);
    expect(choices[0]?.text).toMatch(/^12, 13, 14,/);
    expect(choices[1]?.text).toMatch(/^Monday, Tuesday,/);
    expect(choices[0]?.logprobs?.tokens?.join("")).toBe(choices[0]?.text);
  });

  it("streams a completion", async () => {
    const options = { model, prompt: "12, 13, 14,", max_tokens: 8, temperature: 0 };
    const whole = await client.completions.create(options);
    let text = "";
    for await (const chunk of await client.completions.create({ ...options, stream: true })) {
      text += chunk.choices[0]?.text ?? "";
    }
    expect(text).toBe(whole.choices[0]?.text);
  });

  it("embeds, as base64 by default and as numbers, cut to dimensions", async () => {
    const input = ["a red fox", "a blue door"];
    const byDefault = await client.embeddings.create({ model, input, dimensions: 16 });
    const asNumbers = await client.embeddings.create({ model, input, dimensions: 16, encoding_format: "float" });
    expect(byDefault.data.map(({ embedding }) => embedding.length)).toEqual([16, 16]);
    for (const [i, { embedding }] of byDefault.data.entries()) {
      const other = asNumbers.data[i]?.embedding ?? [];
      expect(Math.max(...embedding.map((value, k) => Math.abs(value - (other[k] ?? NaN))))).toBeLessThan(1e-6);
      expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
    }
  });

  it("lists and retrieves models, and knows no others", async () => {
    const ids: string[] = [];
    for await (const { id } of client.models.list()) ids.push(id);
    expect(ids).toContain(model);
    expect((await client.models.retrieve(model)).id).toBe(model);
    const refusal = await client.models.retrieve("acme/none").catch((error: unknown) => error);
    if (!(refusal instanceof NotFoundError)) throw new Error("expected a 404");
    expect(refusal.code).toBe("model_not_found");
    expect(refusal.requestID).toMatch(/^req_/);
  });
});
