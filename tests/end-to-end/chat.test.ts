import OpenAI from "openai";
import { describe, expect, inject, it } from "vitest";
import { secretPrompt } from "./secrets.ts";

const stack = inject("stack");
const client = new OpenAI({ baseURL: stack.baseUrl, apiKey: stack.apiKey });
const ask = (content: string): OpenAI.ChatCompletionCreateParams => ({
  model: stack.model,
  temperature: 0,
  messages: [{ role: "user", content }],
});

async function sample(seed: number): Promise<string> {
  const { choices } = await client.chat.completions.create({
    ...ask("Tell me about yourself."),
    stream: false,
    temperature: 1.5,
    seed,
    max_tokens: 40,
  });
  return choices[0]?.message.content ?? "";
}

describe("chat completions", () => {
  it("answers, counts tokens and says why it stopped", async () => {
    const { content, secret } = secretPrompt(3);
    const completion = await client.chat.completions.create({ ...ask(content), stream: false });
    expect(completion.object).toBe("chat.completion");
    expect(completion.model).toBe(stack.model);
    expect(completion.choices[0]?.message.content).toBe(secret);
    expect(completion.choices[0]?.finish_reason).toBe("stop");
    const { prompt_tokens = 0, completion_tokens = 0, total_tokens } = completion.usage ?? {};
    expect(prompt_tokens).toBeGreaterThan(50);
    expect(completion_tokens).toBeGreaterThan(1);
    expect(total_tokens).toBe(prompt_tokens + completion_tokens);
  });

  it("streams the same text token by token, with usage last", async () => {
    const whole = await client.chat.completions.create({ ...ask("Count from 1 to 20."), stream: false });
    const stream = await client.chat.completions.create({
      ...ask("Count from 1 to 20."),
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks: OpenAI.ChatCompletionChunk[] = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? "").join("")).toBe(
      whole.choices[0]?.message.content,
    );
    expect(chunks[0]?.choices[0]?.delta.role).toBe("assistant");
    expect(chunks.length).toBeGreaterThan(5);
    expect(chunks.at(-1)?.choices).toEqual([]);
    expect(chunks.at(-1)?.usage).toEqual(whole.usage);
    expect(whole.choices[0]?.message.content).toContain("18");
  });

  it("never splits a character of multi-byte text", async () => {
    const text = "naïve café — 日本語 🚀";
    const stream = await client.chat.completions.create({ ...ask(`Repeat exactly: ${text}`), stream: true });
    let answer = "";
    for await (const chunk of stream) answer += chunk.choices[0]?.delta.content ?? "";
    expect(answer).not.toContain("\uFFFD");
    expect(answer).toBe(text);
  });

  it("keeps max_tokens exactly and says length", async () => {
    const completion = await client.chat.completions.create({
      ...ask("Count from 1 to 50."),
      stream: false,
      max_tokens: 7,
    });
    expect(completion.usage?.completion_tokens).toBe(7);
    expect(completion.choices[0]?.finish_reason).toBe("length");
  });

  it("cuts the answer before a stop string", async () => {
    const completion = await client.chat.completions.create({
      ...ask("Count from 1 to 20."),
      stream: false,
      stop: ["13"],
    });
    expect(completion.choices[0]?.message.content).toContain("12");
    expect(completion.choices[0]?.message.content).not.toContain("13");
    expect(completion.choices[0]?.finish_reason).toBe("stop");
  });

  it("gives the same text for the same seed and another for others", async () => {
    const [first, again] = await Promise.all([sample(7), sample(7)]);
    expect(again).toBe(first);
    const others = await Promise.all([1, 2, 3, 4, 5].map(sample));
    expect(new Set(others).size).toBeGreaterThan(1);
  });
});

describe("other endpoints", () => {
  it("gives several choices, of which the first is the only one's, and counts their prompt once", async () => {
    const request = { model: stack.model, prompt: "The", temperature: 1.5, seed: 11, max_tokens: 24 };
    const one = await client.completions.create(request);
    const three = await client.completions.create({ ...request, n: 3 });
    const texts = three.choices.map(({ text }) => text);
    expect(texts).toHaveLength(3);
    expect(texts[0]).toBe(one.choices[0]?.text);
    expect(new Set(texts).size).toBe(3);
    expect(three.usage?.prompt_tokens).toBe(one.usage?.prompt_tokens);
    expect(three.usage?.completion_tokens).toBeGreaterThan(one.usage?.completion_tokens ?? 0);
  });

  it("completes raw text", async () => {
    const completion = await client.completions.create({
      model: stack.model,
      prompt: "The capital of France is",
      temperature: 0,
      max_tokens: 6,
    });
    expect(completion.object).toBe("text_completion");
    expect(completion.choices[0]?.text).toContain("Paris");
  });

  it("lists the model", async () => {
    const models = await client.models.list();
    expect(models.data.map(({ id }) => id)).toContain(stack.model);
    expect((await client.models.retrieve(stack.model)).id).toBe(stack.model);
  });
});
