import type { Tool } from "@sluice/shared/openai/tools.ts";
import { expect, test } from "vitest";
import { toolFormatOf } from "#ingress/text/tool-calls/find-tool-format.ts";
import { planToolUse, type ToolFields } from "./tool-use.ts";

const format = toolFormatOf("auto", "{{ tools }} <tool_call>");
const named = (name: string) => ({ type: "function" as const, function: { name } });
const tools: Tool[] = [named("a"), named("b"), named("c")];
const allowed = (mode: "auto" | "required", ...names: string[]): ToolFields => ({
  tools,
  tool_choice: { type: "allowed_tools", allowed_tools: { mode, tools: names.map(named) } },
});

test.each<[string, ToolFields, object]>([
  ["all may", { tools }, { callable: [0, 1, 2], isForced: false, maxCalls: Infinity }],
  ["one must", { tools, tool_choice: "required" }, { callable: [0, 1, 2], isForced: true, maxCalls: Infinity }],
  ["this one must", { tools, tool_choice: named("b") }, { callable: [1], isForced: true, maxCalls: 1 }],
  ["some may", allowed("auto", "c", "a"), { callable: [2, 0], isForced: false }],
  ["one of some must", allowed("required", "b", "b"), { callable: [1], isForced: true, maxCalls: Infinity }],
  ["one at a time", { tools, parallel_tool_calls: false }, { maxCalls: 1 }],
])("%s be called", (_, fields, use) => {
  expect(planToolUse(fields, format)).toMatchObject({ tools, ...use });
});

test("a choice among tools that there are not is refused", () => {
  expect(() => planToolUse(allowed("auto", "a", "x"), format)).toThrow(
    expect.objectContaining({ code: "invalid_value", param: "tool_choice" }),
  );
});

test("none may be called where nothing is to be", () => {
  expect(planToolUse({ tools, tool_choice: "none" }, format)).toBeUndefined();
});
