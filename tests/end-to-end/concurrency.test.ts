import OpenAI, { APIUserAbortError } from "openai";
import { expect, inject, it } from "vitest";
import { awaitMetric, readMetric } from "./metrics.ts";
import { secretPrompt } from "./secrets.ts";

const stack = inject("stack");
const client = new OpenAI({ baseURL: stack.baseUrl, apiKey: stack.apiKey });
const metricsUrls = stack.regions.map(({ metricsUrl }) => metricsUrl);

async function streamAnswer(content: string): Promise<string> {
  const stream = await client.chat.completions.create({
    model: stack.model,
    temperature: 0,
    stream: true,
    max_tokens: 400,
    messages: [{ role: "user", content }],
  });
  let answer = "";
  for await (const chunk of stream) answer += chunk.choices[0]?.delta.content ?? "";
  return answer;
}

async function sumOver(metric: string): Promise<number> {
  const values = await Promise.all(metricsUrls.map((url) => readMetric(url, metric)));
  return values.reduce((a, b) => a + b, 0);
}

it("lets 32 concurrent streams recall their own secrets exactly as they do alone", async () => {
  const prompts = Array.from({ length: 32 }, (_, index) => secretPrompt(index));
  const alone: string[] = [];
  for (const { content } of prompts) alone.push(await streamAnswer(content));
  const together = await Promise.all(prompts.map(({ content }) => streamAnswer(content)));
  expect(together).toEqual(alone);
  const numRight = together.filter((answer, index) => answer === prompts[index]?.secret).length;
  expect(numRight).toBeGreaterThanOrEqual(31);
});

/** Eight choices that do not end before their last token. */
const endless = {
  model: stack.model,
  messages: [{ role: "user" as const, content: "Count from 1 to 60." }],
  max_tokens: 900,
  n: 8,
  ignore_eos: true,
};
const numEndlessTokens = endless.n * endless.max_tokens;

const kvUsage = "vllm:kv_cache_usage_perc";
const numTokens = "vllm:generation_tokens_total";
const numRunning = "vllm:num_requests_running";

async function awaitIdle(timeoutMs: number): Promise<void> {
  await awaitMetric(metricsUrls, numRunning, (sum) => sum === 0, timeoutMs);
  await awaitMetric(metricsUrls, kvUsage, (sum) => sum === 0);
}

it("frees the blocks of a client that leaves a stream, and computes no more for it", async () => {
  await awaitIdle(10_000);
  const before = await sumOver(numTokens);
  const leaving = new AbortController();
  const stream = await client.chat.completions.create({ ...endless, stream: true }, { signal: leaving.signal });
  for await (const chunk of stream) if ((chunk.choices[0]?.delta.content ?? "") !== "") break;
  leaving.abort();
  await awaitIdle(10_000);
  expect((await sumOver(numTokens)) - before).toBeLessThan(numEndlessTokens);
});

it("frees the blocks of a client that leaves an unstreamed answer, once that is computed if not before", async () => {
  const before = await sumOver(numTokens);
  const leaving = new AbortController();
  const answer = client.chat.completions.create(endless, { signal: leaving.signal });
  await awaitMetric(metricsUrls, numRunning, (sum) => sum === endless.n);
  leaving.abort();
  await expect(answer).rejects.toThrow(APIUserAbortError);
  await awaitIdle(30_000);
  expect((await sumOver(numTokens)) - before).toBeLessThanOrEqual(numEndlessTokens);
});

it("runs concurrent requests in one batch", async () => {
  const load = Promise.all(Array.from({ length: 8 }, () => streamAnswer("Count from 1 to 60.")));
  await awaitMetric(metricsUrls, "vllm:num_requests_running", (sum) => sum >= 4);
  const answers = await load;
  expect(new Set(answers).size).toBe(1);
  await awaitMetric(metricsUrls, "vllm:num_requests_waiting", (sum) => sum === 0);
});
