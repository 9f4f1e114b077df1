import { describe, expect, test } from "vitest";
import { completionRequestSchema } from "./completion-request.ts";
import { parseRequest } from "./parse-request.ts";

const completion = { model: "pocket", prompt: "hi" };

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
    expect(() => parseRequest(completionRequestSchema, body)).toThrow(expect.objectContaining({ code, param }));
  });
});
