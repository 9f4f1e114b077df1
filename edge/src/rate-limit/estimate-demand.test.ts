import { expect, test } from "vitest";
import { estimateDemand, estimateResponseDemand } from "./estimate-demand.ts";

const hello = [{ role: "user", content: "12345678" }]; // 12 characters with the role's name

test.each([
  { body: { messages: hello }, demand: { promptTokens: 28, outputTokens: undefined } },
  { body: { messages: hello, max_tokens: 10 }, demand: { promptTokens: 28, outputTokens: 10 } },
  { body: { messages: hello, max_completion_tokens: 10, n: 3 }, demand: { promptTokens: 28, outputTokens: 30 } },
  {
    body: { messages: hello, max_tokens: 10, max_completion_tokens: 20 },
    demand: { promptTokens: 28, outputTokens: 20 },
  },
  {
    body: { messages: [{ role: "user", content: [{ type: "text", text: "12" }] }] },
    demand: { promptTokens: 28, outputTokens: undefined },
  },
  {
    body: { messages: hello, tools: [{ type: "function", function: { name: "sum" } }] },
    demand: { promptTokens: 32, outputTokens: undefined },
  },
  { body: { prompt: "123456" }, demand: { promptTokens: 3, outputTokens: 16 } },
  { body: { prompt: "123456", max_tokens: 0 }, demand: { promptTokens: 3, outputTokens: 0 } },
  { body: { prompt: [5, 6, 7], max_tokens: 2, n: 2, best_of: 4 }, demand: { promptTokens: 3, outputTokens: 8 } },
  { body: { prompt: ["123", "456"], max_tokens: 2 }, demand: { promptTokens: 4, outputTokens: 4 } },
  { body: { prompt: [[1, 2], [3]], max_tokens: 2 }, demand: { promptTokens: 3, outputTokens: 4 } },
  { body: { input: ["123", "456789"] }, demand: { promptTokens: 5, outputTokens: 0 } },
])("$body asks for $demand", ({ body, demand }) => {
  expect(estimateDemand(body)).toEqual(demand);
});

test.each([
  { max_tokens: -1 },
  { max_tokens: "10" },
  { max_tokens: 1.5 },
  { max_tokens: 1e300 },
  { max_tokens: null, max_completion_tokens: {} },
])("%j counts as if nothing was said", (fields) => {
  expect(estimateDemand({ messages: hello, ...fields })).toEqual(estimateDemand({ messages: hello }));
});

test("bodies of any shape have an estimate", () => {
  for (const body of [
    {},
    { messages: [null, 1, "x"] },
    { messages: "x" },
    { prompt: null },
    { prompt: {} },
    { input: [[]] },
  ]) {
    const { promptTokens, outputTokens } = estimateDemand(body);
    expect(promptTokens + (outputTokens ?? 0)).toBeGreaterThanOrEqual(0);
  }
});

test.each([
  { body: { input: "12345678" }, demand: { promptTokens: 27, outputTokens: undefined } },
  {
    body: { input: "12345678", instructions: "1", max_output_tokens: 9 },
    demand: { promptTokens: 27, outputTokens: 9 },
  },
  {
    body: {
      input: [
        { role: "user", content: "1234" },
        { role: "user", content: "1" },
      ],
    },
    demand: { promptTokens: 37 },
  },
])("a response to $body asks for $demand", ({ body, demand }) => {
  expect(estimateResponseDemand(body)).toEqual(demand);
});

test.each([
  ["a chat", { messages: [], max_tokens: 2 ** 31 - 1, n: 2 ** 31 - 1 }],
  ["a completion", { prompt: Array<string>(1_000).fill(""), max_tokens: 2 ** 31 - 1, best_of: 2 ** 31 - 1 }],
])("%s that asks for more than anybody has is counted with a number that adds up", (_, body) => {
  const { promptTokens, outputTokens = 0 } = estimateDemand(body);
  expect(outputTokens).toBe(1e12);
  expect(Number.isSafeInteger((promptTokens + outputTokens) * 1_000)).toBe(true);
});
