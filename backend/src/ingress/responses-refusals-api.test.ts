import { expect, test } from "vitest";
import { ask, lamp, type ResponsesRegion, responsesRegion } from "./fixtures/responses-region.ts";

let responses: ResponsesRegion;
responsesRegion((one) => {
  responses = one;
});

test.each<[object, string, string]>([
  [{ input: undefined }, "missing_required_parameter", "input"],
  [{ input: [] }, "invalid_value", "input"],
  [
    { input: [{ role: "user", content: [{ type: "input_image", image_url: "x" }] }] },
    "unsupported_parameter",
    "input[0].content[0]",
  ],
  [
    { input: [{ role: "user", content: [{ type: "input_file", file_id: "x" }] }] },
    "unsupported_parameter",
    "input[0].content[0]",
  ],
  [{ input: [{ role: "robot", content: "x" }] }, "invalid_value", "input[0].role"],
  [{ input: [{ type: "item_reference", id: "msg_1" }] }, "invalid_value", "input[0]"],
  [{ input: [{ type: "web_search_call", id: "ws_1" }] }, "invalid_value", "input[0].type"],
  [{ tools: [{ type: "web_search" }] }, "unsupported_parameter", "tools[0]"],
  [{ tools: [{ type: "mcp", server_label: "x" }] }, "unsupported_parameter", "tools[0]"],
  [{ tools: [{ type: "code_interpreter", container: "x" }] }, "unsupported_parameter", "tools[0]"],
  [{ tools: [lamp, lamp] }, "invalid_value", "tools[1].name"],
  [
    { tools: [{ ...lamp, parameters: { type: "object", not: {} } }] },
    "unsupported_parameter",
    "tools[0].parameters.not",
  ],
  [{ tool_choice: "required" }, "invalid_value", "tool_choice"],
  [{ tools: [lamp], tool_choice: { type: "function", name: "x" } }, "invalid_value", "tool_choice"],
  [
    { text: { format: { type: "json_schema", name: "a", schema: { not: {} } } } },
    "unsupported_parameter",
    "text.format.schema.not",
  ],
  [{ text: { verbosity: "low" } }, "unsupported_parameter", "text.verbosity"],
  [{ conversation: "conv_1" }, "unsupported_parameter", "conversation"],
  [{ prompt: { id: "pmpt_1" } }, "unsupported_parameter", "prompt"],
  [{ max_output_tokens: 0 }, "invalid_value", "max_output_tokens"],
  [{ max_output_tokens: 1_000 }, "context_length_exceeded", "input"],
  [{ include: ["everything"] }, "invalid_value", "include[0]"],
  [{ top_logprobs: 21 }, "invalid_value", "top_logprobs"],
  [{ truncation: "middle" }, "invalid_value", "truncation"],
  [{ messages: [] }, "unknown_parameter", "messages"],
  [{ model: "other" }, "model_not_found", "model"],
])("%j is refused: %s, %s", async (params, code, param) => {
  const response = await responses.region.post("/v1/responses", { ...ask, ...params });
  expect(response.status).toBe(code === "model_not_found" ? 404 : 400);
  expect(await response.json()).toMatchObject({ error: { code, param } });
});
