import { describe, expect, test } from "vitest";
import type * as z from "zod/mini";
import { AppError } from "../errors.ts";
import { chatCompletionRequestSchema } from "./chat-completion-request.ts";
import { messageText } from "./chat-message.ts";
import { completionRequestSchema } from "./completion-request.ts";
import { parseRequest } from "./parse-request.ts";
import { responseRequestSchema } from "./response-request.ts";

const chat = { model: "pocket", messages: [{ role: "user", content: "hi" }] };
const text = { type: "text", text: "hi" };
const completion = { model: "pocket", prompt: "hi" };
const many = (count: number, value: unknown = "x") =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, value]));

function refusalOf(run: () => unknown): AppError {
  try {
    run();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("a refusal says what would have been right", () => {
  test.each<[string, unknown, string]>([
    ["one of two types", { ...chat, messages: [{ role: "user", content: null }] }, "expected string or array"],
    ["what its type's branch wants", { ...chat, stop: ["a", "b", "c", "d", "e"] }, "expected a length <= 4"],
    ["a word or an object", { ...chat, tool_choice: 5 }, 'expected "none" or "auto" or "required" or object'],
    ["a pattern", { ...chat, functions: [{ name: "f f" }] }, "matches the pattern /^[a-zA-Z0-9_-]{1,64}$/"],
    ["the form of a name", { ...chat, metadata: { ["k".repeat(65)]: "" } }, "of its name, expected a length <= 64"],
    ["biases", { ...chat, logit_bias: { 1: 101 } }, "each with a bias from -100 to 100"],
    ["whole characters", { ...chat, stop: ["\ud83d"] }, "expected text of whole characters"],
    [
      "the schema's type",
      { ...chat, tools: [{ type: "function", function: { name: "f", parameters: [] } }] },
      "object",
    ],
    ["what is left to say", { ...chat, messages: [{ role: "assistant", content: null }] }, "a refusal or calls"],
  ])("%s", (_, body, expected) => {
    expect(refusalOf(() => parseRequest(chatCompletionRequestSchema, body)).publicText).toContain(expected);
  });

  test.each<[string, object, string]>([
    ["store", { store: true }, "is not supported with this value. Stored answers are those of /v1/responses."],
    ["verbosity", { verbosity: "low" }, 'is not supported with another value than "medium".'],
    ["guided_decoding_backend", { guided_decoding_backend: "x" }, 'another value than "xgrammar" or "auto".'],
    ["audio", { audio: {} }, "is not supported here."],
  ])("which values of %s are not supported", (param, fields, expected) => {
    const { publicText } = refusalOf(() => parseRequest(chatCompletionRequestSchema, { ...chat, ...fields }));
    expect(publicText).toMatch(new RegExp(`^Unsupported parameter: '${param}' .+`));
    expect(publicText).toContain(expected);
  });

  test("what goes for a conversation", () => {
    const body = { model: "pocket", input: "hi", conversation: "conv_1" };
    expect(refusalOf(() => parseRequest(responseRequestSchema, body)).publicText).toBe(
      "Unsupported parameter: 'conversation' is not supported here. Go on from a response with 'previous_response_id'.",
    );
  });

  test("forms of a prompt", () => {
    const refusal = refusalOf(() => parseRequest(completionRequestSchema, { ...completion, prompt: [1, 2.5] }));
    expect(refusal.publicText).toContain("a list of token ids that is not empty");
  });
});

test("a refusal never repeats a value of the caller's", () => {
  const secret = "a-secret-value";
  const bodies = [
    { ...chat, temperature: secret },
    { ...chat, stop: { secret } },
    { ...chat, messages: [{ role: secret, content: "" }] },
    { ...chat, messages: [{ role: "user", content: { secret } }] },
    { ...chat, response_format: { type: secret } },
  ];
  for (const body of bodies) {
    const refusal = refusalOf(() => parseRequest(chatCompletionRequestSchema, body));
    expect(JSON.stringify(refusal.toErrorObject())).not.toContain(secret);
  }
});

test("values that ask for nothing are accepted", () => {
  const body = {
    ...chat,
    n: 1,
    frequency_penalty: 0,
    logit_bias: {},
    logprobs: false,
    tools: [],
    tool_choice: "none",
    response_format: { type: "text" },
    store: false,
    user: "u",
    metadata: many(16, "x".repeat(512)),
    seed: null,
    stop: [],
    verbosity: "medium",
    modalities: ["text"],
    prediction: { type: "content", content: [text] },
    prompt_cache_key: "k",
    prompt_cache_retention: "24h",
    stream_options: { include_obfuscation: false },
    skip_special_tokens: true,
    use_beam_search: false,
    bad_words: [],
  };
  expect(parseRequest(chatCompletionRequestSchema, body)).toMatchObject({ model: "pocket", n: 1 });
});

test("biases are read with their token ids as numbers", () => {
  const body = { ...chat, logit_bias: { "50256": -100, "0": 0.5 } };
  expect(parseRequest(chatCompletionRequestSchema, body).logit_bias).toEqual([
    { tokenId: 0, bias: 0.5 },
    { tokenId: 50256, bias: -100 },
  ]);
});

const seedOf = (seed: number) => parseRequest(chatCompletionRequestSchema, { ...chat, seed }).seed;

test("a seed is any integer of 64 bits, and what engines get of it one that JavaScript counts exactly", () => {
  for (const seed of [0, -1, 42, 2 ** 53 - 1]) expect(seedOf(seed)).toBe(seed);
  const large = [-(2 ** 63), 2 ** 53, 2 ** 60, 2 ** 62, 2 ** 62 + 1024, 2 ** 63].map(seedOf);
  expect(large.every((seed) => Number.isSafeInteger(seed))).toBe(true);
  expect(new Set(large).size).toBe(large.length);
});

test("an answer can be sent back as it came", () => {
  const said = { role: "assistant", content: "hello", refusal: null, annotations: [], audio: null };
  const answers = [said, { ...said, reasoning_content: "hm" }, { ...said, content: null, refusal: "no" }];
  const body = { ...chat, messages: [...chat.messages, ...answers] };
  expect(parseRequest(chatCompletionRequestSchema, body).messages.map(messageText)).toEqual([
    "hi",
    "hello",
    "hello",
    "no",
  ]);
});

test("a call can be sent back as SDKs put it together", () => {
  const call = { name: "f", arguments: "{}", parsed_arguments: {} };
  const toolCall = { id: "a", index: 0, type: "function", function: call };
  const said = { role: "assistant", content: null, parsed: null };
  const answers = [
    { ...said, tool_calls: [toolCall], function_call: null },
    { role: "tool", tool_call_id: "a", content: "1" },
    { ...said, function_call: call, tool_calls: null },
  ];
  const body = { ...chat, messages: [...chat.messages, ...answers] };
  expect(parseRequest(chatCompletionRequestSchema, body).messages).toHaveLength(4);
});

test("what is refused says what to do instead", () => {
  const refusal = refusalOf(() => parseRequest(chatCompletionRequestSchema, { ...chat, store: true }));
  expect(refusal.publicText).toContain("/v1/responses");
});

test.each([
  ["text", "hi", ["hi"]],
  ["tokens", [1, 2], [[1, 2]]],
  ["a list of texts", ["hi", "ho"], ["hi", "ho"]],
  ["a list of lists of tokens", [[1, 2], [3]], [[1, 2], [3]]],
  ["a list of both", ["hi", [3]], ["hi", [3]]],
])("a prompt may be %s", (_, prompt, expected) => {
  expect(parseRequest(completionRequestSchema, { ...completion, prompt }).prompt).toEqual(expected);
});

test.each([
  ["stop", (count: number) => Array(count).fill(1)],
  ["messages", (count: number) => Array(count).fill(1)],
  ["logit_bias", (count: number) => Object.fromEntries(Array.from({ length: count }, (_, id) => [`x${id}`, 1]))],
])("a hundred thousand wrong items of %s cost one issue a branch, not one each", (param, wrong) => {
  const body = { ...chat, [param]: wrong(100_000) };
  const { issues = [] } = chatCompletionRequestSchema.safeParse(body).error ?? {};
  expect(numIssues(issues)).toBeLessThanOrEqual(4);
  expect(refusalOf(() => parseRequest(chatCompletionRequestSchema, body)).param).toBe(param);
});

/** With those of a union's branches. */
function numIssues(issues: readonly z.core.$ZodIssue[]): number {
  const inBranches = issues.map((issue) => (issue.code === "invalid_union" ? numIssues(issue.errors.flat()) : 0));
  return inBranches.reduce((sum, count) => sum + count, issues.length);
}
