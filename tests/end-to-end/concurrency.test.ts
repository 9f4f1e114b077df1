import OpenAI from "openai";
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

it("frees the blocks of a client that leaves", async () => {
  const usage = "vllm:kv_cache_usage_perc";
  await awaitMetric(metricsUrls, usage, (sum) => sum === 0);
  const controller = new AbortController();
  const stream = await client.chat.completions.create(
    {
      model: stack.model,
      temperature: 0,
      stream: true,
      max_tokens: 3_000,
      messages: [{ role: "user", content: "Count from 1 to 100." }],
    },
    { signal: controller.signal },
  );
  let usageMeanwhile = 0;
  for await (const chunk of stream) {
    if ((chunk.choices[0]?.delta.content ?? "") === "") continue;
    // Leaving the loop is leaving the stream.
    usageMeanwhile = await sumOver(usage);
    break;
  }
  expect(usageMeanwhile).toBeGreaterThan(0);
  controller.abort();
  await awaitMetric(metricsUrls, "vllm:num_requests_running", (sum) => sum === 0);
  await awaitMetric(metricsUrls, usage, (sum) => sum === 0);
});

it("runs concurrent requests in one batch", async () => {
  const load = Promise.all(Array.from({ length: 8 }, () => streamAnswer("Count from 1 to 60.")));
  await awaitMetric(metricsUrls, "vllm:num_requests_running", (sum) => sum >= 4);
  const answers = await load;
  expect(new Set(answers).size).toBe(1);
  await awaitMetric(metricsUrls, "vllm:num_requests_waiting", (sum) => sum === 0);
});
