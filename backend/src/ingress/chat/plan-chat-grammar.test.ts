import type { Tool } from "@sluice/shared/openai/tools.ts";
import { expect, test } from "vitest";
import { ByteGrammar } from "#ingress/fixtures/byte-grammar.ts";
import { findToolFormat } from "#ingress/text/tool-calls/tool-format.ts";
import { planChatGrammar } from "./plan-chat-grammar.ts";
import { planToolUse, type ToolFields } from "./tool-use.ts";

const format = findToolFormat("{{ tools }} <tool_call>");
const parameters = { type: "object", properties: { size: { type: "integer" } }, required: ["size"] };
const lamp: Tool = { type: "function", function: { name: "lamp", parameters } };
const strictLamp: Tool = { type: "function", function: { name: "lamp", parameters, strict: true } };
const ring: Tool = { type: "function", function: { name: "ring" } };
const call = (name: string, args: string): string =>
  `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;

function grammarOf(fields: ToolFields, output = {}): ByteGrammar | undefined {
  const plan = planChatGrammar(output, planToolUse(fields, format));
  return plan && new ByteGrammar(plan.ebnf);
}

const good = call("lamp", '{"size": 3}');
const bad = call("lamp", '{"size": "big"}');

test.each<[string, ToolFields, object, readonly string[], readonly string[]]>([
  [
    "required: one call or more",
    { tools: [lamp, ring], tool_choice: "required" },
    {},
    [good, `${good}\n${call("ring", "{}")}`],
    ["", "text", bad, call("ring", '{"a":1}'), call("other", "{}"), `${good}\n`],
  ],
  [
    "required, one at a time",
    { tools: [lamp, ring], tool_choice: "required", parallel_tool_calls: false },
    {},
    [good],
    [`${good}\n${good}`],
  ],
  [
    "named: that one, once",
    { tools: [lamp, ring], tool_choice: { type: "function", function: { name: "ring" } } },
    {},
    [call("ring", "{}")],
    [good, `${call("ring", "{}")}\n${call("ring", "{}")}`],
  ],
  [
    "auto with a strict tool: text, and calls that are valid",
    { tools: [strictLamp, ring] },
    {},
    ["", "Just <text>.", good, `See:\n${good}`, call("ring", '{"any": [1]}')],
    [bad, `See:\n${bad}`, "<tool_call>", `${good} more`],
  ],
  [
    "auto among some of the tools: text, and calls of these",
    {
      tools: [lamp, ring],
      tool_choice: {
        type: "allowed_tools",
        allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "ring" } }] },
      },
    },
    {},
    ["Just text.", call("ring", "{}")],
    [good],
  ],
  [
    "auto with a response format: either",
    { tools: [lamp] },
    { response_format: { type: "json_object" } },
    ['{"a": 1}', good, bad],
    ["text"],
  ],
])("%s", (_what, fields, output, accepted, refused) => {
  const grammar = grammarOf(fields, output);
  expect(accepted.filter((text) => grammar?.accepts(text) !== true)).toEqual([]);
  expect(refused.filter((text) => grammar?.accepts(text) !== false)).toEqual([]);
});

test.each<[string, ToolFields]>([
  ["auto without a strict tool", { tools: [lamp] }],
  ["none", { tools: [strictLamp], tool_choice: "none" }],
  ["no tools", { tools: [] }],
])("%s is not bound", (_what, fields) => {
  expect(grammarOf(fields)).toBeUndefined();
});

test.each<[string, ToolFields, string]>([
  ["a choice without tools", { tool_choice: "required" }, "tool_choice"],
  [
    "a choice that names no tool",
    { tools: [lamp], tool_choice: { type: "function", function: { name: "x" } } },
    "tool_choice",
  ],
  ["two tools of one name", { tools: [lamp, lamp] }, "tools[1].function.name"],
  [
    "a strict tool that cannot be enforced",
    {
      tools: [
        ring,
        { type: "function", function: { name: "f", strict: true, parameters: { type: "object", not: {} } } },
      ],
    },
    "tools[1].function.parameters.not",
  ],
])("%s is refused, naming the parameter", (_what, fields, param) => {
  expect(() => grammarOf(fields)).toThrow(expect.objectContaining({ param }));
});

test("tools are refused where the template knows none", () => {
  expect(() => planToolUse({ tools: [lamp] }, findToolFormat("{{ messages }}"))).toThrow(
    expect.objectContaining({ code: "unsupported_parameter", param: "tools" }),
  );
});
