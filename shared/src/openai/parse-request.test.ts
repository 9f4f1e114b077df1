import { describe, expect, test } from "vitest";
import type * as z from "zod/mini";
import { AppError } from "../errors.ts";
import { chatCompletionRequestSchema } from "./chat-completion-request.ts";
import { messageText } from "./chat-message.ts";
import { completionRequestSchema } from "./completion-request.ts";
import { parseRequest } from "./parse-request.ts";

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

describe("chat requests are refused by the name of the parameter at fault", () => {
  test.each<[string, unknown, string, string | undefined]>([
    ["not an object", [], "invalid_value", undefined],
    ["no model", { messages: chat.messages }, "missing_required_parameter", "model"],
    ["no messages", { model: "pocket" }, "missing_required_parameter", "messages"],
    ["empty messages", { ...chat, messages: [] }, "invalid_value", "messages"],
    ["messages of the wrong type", { ...chat, messages: "hi" }, "invalid_value", "messages"],
    ["no role", { ...chat, messages: [{ content: "hi" }] }, "missing_required_parameter", "messages[0].role"],
    ["unknown role", { ...chat, messages: [{ role: "robot", content: "" }] }, "invalid_value", "messages[0].role"],
    ["no content", { ...chat, messages: [{ role: "user" }] }, "missing_required_parameter", "messages[0].content"],
    ["numeric content", { ...chat, messages: [{ role: "user", content: 1 }] }, "invalid_value", "messages[0].content"],
    [
      "an image",
      { ...chat, messages: [{ role: "user", content: [text, { type: "image_url", image_url: {} }] }] },
      "unsupported_parameter",
      "messages[0].content[1]",
    ],
    [
      "a sound",
      { ...chat, messages: [{ role: "user", content: [{ type: "input_audio", input_audio: {} }] }] },
      "unsupported_parameter",
      "messages[0].content[0]",
    ],
    [
      "a file",
      { ...chat, messages: [...chat.messages, { role: "user", content: [{ type: "file", file: {} }] }] },
      "unsupported_parameter",
      "messages[1].content[0]",
    ],
    [
      "a part of no known type",
      { ...chat, messages: [{ role: "user", content: [{ type: "smell" }] }] },
      "invalid_value",
      "messages[0].content[0].type",
    ],
    [
      "a part without text",
      { ...chat, messages: [{ role: "user", content: [{ type: "text" }] }] },
      "missing_required_parameter",
      "messages[0].content[0].text",
    ],
    [
      "a malformed tool call in the history",
      { ...chat, messages: [{ role: "assistant", content: "", tool_calls: [{}] }] },
      "missing_required_parameter",
      "messages[0].tool_calls[0].id",
    ],
    [
      "an unknown field in a message",
      { ...chat, messages: [{ role: "user", content: "", mood: 1 }] },
      "unknown_parameter",
      "messages[0].mood",
    ],
    ["an unknown field", { ...chat, temprature: 1 }, "unknown_parameter", "temprature"],
    [
      "__proto__",
      JSON.parse('{"model":"m","messages":[{"role":"user","content":""}],"__proto__":{}}'),
      "unknown_parameter",
      "__proto__",
    ],
    ["temperature of the wrong type", { ...chat, temperature: "hot" }, "invalid_value", "temperature"],
    ["temperature above 2", { ...chat, temperature: 2.1 }, "invalid_value", "temperature"],
    ["top_p above 1", { ...chat, top_p: 1.1 }, "invalid_value", "top_p"],
    ["no output tokens", { ...chat, max_tokens: 0 }, "invalid_value", "max_tokens"],
    ["half a token", { ...chat, max_completion_tokens: 1.5 }, "invalid_value", "max_completion_tokens"],
    ["a seed beyond 64 bits", { ...chat, seed: 2 ** 64 }, "invalid_value", "seed"],
    ["half a seed", { ...chat, seed: 0.5 }, "invalid_value", "seed"],
    ["five stop strings", { ...chat, stop: ["a", "b", "c", "d", "e"] }, "invalid_value", "stop"],
    ["an empty stop string", { ...chat, stop: "" }, "invalid_value", "stop"],
    ["half a character as stop string", { ...chat, stop: ["\ud83d"] }, "invalid_value", "stop[0]"],
    ["an unknown stream option", { ...chat, stream_options: { x: 1 } }, "unknown_parameter", "stream_options.x"],
    ["no choices", { ...chat, n: 0 }, "invalid_value", "n"],
    ["129 choices", { ...chat, n: 129 }, "invalid_value", "n"],
    ["a penalty above 2", { ...chat, presence_penalty: 2.1 }, "invalid_value", "presence_penalty"],
    ["a penalty below -2", { ...chat, frequency_penalty: -2.1 }, "invalid_value", "frequency_penalty"],
    ["a repetition penalty of 0", { ...chat, repetition_penalty: 0 }, "invalid_value", "repetition_penalty"],
    ["min_p above 1", { ...chat, min_p: 1.1 }, "invalid_value", "min_p"],
    ["a bias above 100", { ...chat, logit_bias: { 1: 101 } }, "invalid_value", "logit_bias"],
    ["a bias that is no number", { ...chat, logit_bias: { 1: "2" } }, "invalid_value", "logit_bias"],
    ["a bias for a word", { ...chat, logit_bias: { the: 1 } }, "invalid_value", "logit_bias"],
    ["a bias for -1", { ...chat, logit_bias: { "-1": 1 } }, "invalid_value", "logit_bias"],
    ["biases in a list", { ...chat, logit_bias: [1] }, "invalid_value", "logit_bias"],
    [
      "1025 biases",
      { ...chat, logit_bias: Object.fromEntries(Array.from({ length: 1025 }, (_, id) => [id, 1])) },
      "invalid_value",
      "logit_bias",
    ],
    ["a negative least length", { ...chat, min_tokens: -1 }, "invalid_value", "min_tokens"],
    ["a stop token that is none", { ...chat, stop_token_ids: [-1] }, "invalid_value", "stop_token_ids[0]"],
    [
      "129 stop tokens",
      { ...chat, stop_token_ids: Array.from({ length: 129 }, () => 1) },
      "invalid_value",
      "stop_token_ids",
    ],
    ["a number of logprobs", { ...chat, logprobs: 5 }, "invalid_value", "logprobs"],
    ["21 top logprobs", { ...chat, logprobs: true, top_logprobs: 21 }, "invalid_value", "top_logprobs"],
    ["a malformed tool", { ...chat, tools: [{ type: "function" }] }, "missing_required_parameter", "tools[0].function"],
    [
      "an assistant that says nothing",
      { ...chat, messages: [{ role: "assistant" }] },
      "missing_required_parameter",
      "messages[0].content",
    ],
    ["a function's wrong name", { ...chat, functions: [{ name: "f f" }] }, "invalid_value", "functions[0].name"],
    ["a function that must be called", { ...chat, function_call: "required" }, "invalid_value", "function_call"],
    [
      "a response format of another type",
      { ...chat, response_format: { type: "xml" } },
      "invalid_value",
      "response_format.type",
    ],
    ["a grammar of the caller's", { ...chat, guided_grammar: "root ::= x" }, "unsupported_parameter", "guided_grammar"],
    ["storage", { ...chat, store: true }, "unsupported_parameter", "store"],
    ["17 notes", { ...chat, metadata: many(17) }, "invalid_value", "metadata"],
    ["a note that is no text", { ...chat, metadata: { a: 1 } }, "invalid_value", "metadata.a"],
    ["a note of 513 characters", { ...chat, metadata: { a: "x".repeat(513) } }, "invalid_value", "metadata.a"],
    [
      "a note with a long name",
      { ...chat, metadata: { ["k".repeat(65)]: "" } },
      "invalid_value",
      `metadata.${"k".repeat(64)}`,
    ],
    ["notes in a list", { ...chat, metadata: ["a"] }, "invalid_value", "metadata"],
    ["a long identifier", { ...chat, safety_identifier: "x".repeat(65) }, "invalid_value", "safety_identifier"],
    ["an effort that is none", { ...chat, reasoning_effort: "huge" }, "invalid_value", "reasoning_effort"],
    ["sound", { ...chat, modalities: ["text", "audio"] }, "unsupported_parameter", "modalities"],
    ["a voice", { ...chat, audio: { voice: "alloy", format: "wav" } }, "unsupported_parameter", "audio"],
    ["fewer words", { ...chat, verbosity: "low" }, "unsupported_parameter", "verbosity"],
    ["the web", { ...chat, web_search_options: {} }, "unsupported_parameter", "web_search_options"],
    ["moderation", { ...chat, moderation: {} }, "unsupported_parameter", "moderation"],
    [
      "padding",
      { ...chat, stream_options: { include_obfuscation: true } },
      "unsupported_parameter",
      "stream_options.include_obfuscation",
    ],
    ["a prediction of another kind", { ...chat, prediction: { type: "diff" } }, "invalid_value", "prediction.type"],
    [
      "a custom tool",
      { ...chat, tools: [{ type: "custom", custom: { name: "f" } }] },
      "unsupported_parameter",
      "tools[0]",
    ],
    [
      "a choice of a custom tool",
      { ...chat, tool_choice: { type: "custom", custom: { name: "f" } } },
      "unsupported_parameter",
      "tool_choice",
    ],
    [
      "17 variables of the template",
      { ...chat, chat_template_kwargs: many(17) },
      "invalid_value",
      "chat_template_kwargs",
    ],
    [
      "a variable that is a list",
      { ...chat, chat_template_kwargs: { a: [] } },
      "invalid_value",
      "chat_template_kwargs.a",
    ],
    ["another template", { ...chat, chat_template: "{{ messages }}" }, "unsupported_parameter", "chat_template"],
    [
      "the stop string in the answer",
      { ...chat, include_stop_str_in_output: true },
      "unsupported_parameter",
      "include_stop_str_in_output",
    ],
    ["beams", { ...chat, use_beam_search: true }, "unsupported_parameter", "use_beam_search"],
  ])("%s", (_, body, code, param) => {
    expect(refusalOf(() => parseRequest(chatCompletionRequestSchema, body))).toMatchObject({ code, param });
  });
});

describe("completion requests are refused by the name of the parameter at fault", () => {
  test.each<[string, unknown, string, string]>([
    ["no prompt", { model: "pocket" }, "missing_required_parameter", "prompt"],
    ["a numeric prompt", { ...completion, prompt: 1 }, "invalid_value", "prompt"],
    ["an empty list", { ...completion, prompt: [] }, "invalid_value", "prompt"],
    ["a fraction among tokens", { ...completion, prompt: [1, 2.5] }, "invalid_value", "prompt"],
    ["a number among prompts", { ...completion, prompt: ["a", 1] }, "invalid_value", "prompt"],
    ["an empty prompt of tokens among prompts", { ...completion, prompt: ["a", []] }, "invalid_value", "prompt"],
    ["129 prompts", { ...completion, prompt: Array.from({ length: 129 }, () => "a") }, "invalid_value", "prompt"],
    ["an echo that is no boolean", { ...completion, echo: 1 }, "invalid_value", "echo"],
    ["six logprobs", { ...completion, logprobs: 6 }, "invalid_value", "logprobs"],
    ["logprobs of a chat", { ...completion, logprobs: true }, "invalid_value", "logprobs"],
    ["the best of 21", { ...completion, best_of: 21 }, "invalid_value", "best_of"],
    ["a chat parameter", { ...completion, messages: [] }, "unknown_parameter", "messages"],
  ])("%s", (_, body, code, param) => {
    expect(refusalOf(() => parseRequest(completionRequestSchema, body))).toMatchObject({ code, param });
  });
});

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
    { ...said, function_call: call, tool_calls: null },
  ];
  const body = { ...chat, messages: [...chat.messages, ...answers] };
  expect(parseRequest(chatCompletionRequestSchema, body).messages).toHaveLength(3);
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
