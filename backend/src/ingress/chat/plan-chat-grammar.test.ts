import type { Tool } from "@sluice/shared/openai/tools.ts";
import { expect, test } from "vitest";
import { ByteGrammar } from "#ingress/fixtures/byte-grammar.ts";
import type { ReasoningPlan } from "#ingress/generation/generation.ts";
import { CallParser } from "#ingress/text/tool-calls/call-parser.ts";
import { toolFormatOf } from "#ingress/text/tool-calls/find-tool-format.ts";
import { planChatGrammar } from "./plan-chat-grammar.ts";
import { planToolUse, type ToolFields } from "./tool-use.ts";

const format = toolFormatOf("auto", "{{ tools }} <tool_call>");
const parameters = { type: "object", properties: { size: { type: "integer" } }, required: ["size"] };
const lamp: Tool = { type: "function", function: { name: "lamp", parameters } };
const strictLamp: Tool = { type: "function", function: { name: "lamp", parameters, strict: true } };
const ring: Tool = { type: "function", function: { name: "ring" } };
const call = (name: string, args: string): string =>
  `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;

function grammarOf(fields: ToolFields, output = {}): ByteGrammar | undefined {
  const plan = planChatGrammar(output, planToolUse(fields, format), undefined);
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
    "auto, one at a time: text, and one call whose arguments are any",
    { tools: [lamp, ring], parallel_tool_calls: false },
    {},
    ["", "Just <text>.", good, `See:\n${bad}`],
    [`${good}\n${good}`, `${good} more`, call("other", "{}")],
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
  expect(() => planToolUse({ tools: [lamp] }, toolFormatOf("auto", "{{ messages }}"))).toThrow(
    expect.objectContaining({ code: "unsupported_parameter", param: "tools" }),
  );
});

const familyTemplates = {
  llama: '{{ tools }} "parameters": dictionary of argument name',
  listed: "{{ tools }}[TOOL_CALLS] [",
  named: "{{ tools }}[TOOL_CALLS][ARGS]",
};

function familyGrammar(family: keyof typeof familyTemplates, fields: ToolFields): ByteGrammar | undefined {
  const use = planToolUse(fields, toolFormatOf("auto", familyTemplates[family]));
  const plan = planChatGrammar({}, use, undefined);
  return plan && new ByteGrammar(plan.ebnf);
}

const required: ToolFields = { tools: [lamp, ring], tool_choice: "required" };
const strict: ToolFields = { tools: [strictLamp, ring] };
const llamaCall = '{"name": "lamp", "parameters": {"size": 3}}';
const listedCall = '{"name": "lamp", "arguments": {"size": 3}}';
const namedCall = '[TOOL_CALLS]lamp[ARGS]{"size": 3}';

test.each<[string, keyof typeof familyTemplates, ToolFields, readonly string[], readonly string[]]>([
  [
    "Llama 3, required",
    "llama",
    required,
    [llamaCall, '{"name": "ring", "parameters": {}}'],
    ["", "text", '{"name": "lamp", "parameters": {}}', `${llamaCall}; ${llamaCall}`],
  ],
  [
    "Llama 3, strict",
    "llama",
    strict,
    ["", "Just {text}", "<b>bold</b>", llamaCall, '{"name": "ring", "parameters": {"a": 1}}'],
    [
      '{"name": "lamp", "parameters": {"size": ""}}',
      ' {"a": 1}',
      "See <|python_tag|>",
      "<|python_tag|>",
      `See ${llamaCall}<|python_tag|>`,
    ],
  ],
  [
    "Mistral, listed, required",
    "listed",
    required,
    [`[TOOL_CALLS] [${listedCall}]`, `[TOOL_CALLS] [${listedCall}, {"name": "ring", "arguments": {}}]`],
    [
      "",
      listedCall,
      `[${listedCall}]`,
      `[TOOL_CALLS] [${listedCall}`,
      '[TOOL_CALLS] [{"name": "lamp", "arguments": {}}]',
    ],
  ],
  [
    "Mistral, named, required",
    "named",
    required,
    [namedCall, `${namedCall}[TOOL_CALLS]ring[ARGS]{}`],
    ["", "[TOOL_CALLS]", "[TOOL_CALLS]lamp[ARGS]{}", "[TOOL_CALLS]other[ARGS]{}"],
  ],
  [
    "Mistral, named, strict",
    "named",
    strict,
    ["", "Just [text].", `See [1]: ${namedCall}`, '[TOOL_CALLS]ring[ARGS]{"a": 1}'],
    ['[TOOL_CALLS]lamp[ARGS]{"size": ""}', "[TOOL_CALLS]", `${namedCall} more`],
  ],
])("%s", (_what, family, fields, accepted, refused) => {
  const grammar = familyGrammar(family, fields);
  expect(accepted.filter((text) => grammar?.accepts(text) !== true)).toEqual([]);
  expect(refused.filter((text) => grammar?.accepts(text) !== false)).toEqual([]);
});

/** What the parser reads of an output: the name of each call, with its arguments. */
function callsOf(output: string, family: keyof typeof familyTemplates): (readonly [string, unknown])[] {
  const format = toolFormatOf("auto", familyTemplates[family]);
  const parser = format && new CallParser(format.syntax);
  const events = [...(parser?.push(output) ?? []), ...(parser?.end() ?? [])];
  const starts = events.filter((event) => event.kind === "callStart");
  return starts.map(({ call: index, name }) => {
    const pieces = events.map((event) => (event.kind === "callArguments" && event.call === index ? event.text : ""));
    return [name, JSON.parse(pieces.join(""))] as const;
  });
}

/** Whether the arguments are what the schemas above say. */
function isValid([name, args]: readonly [string, unknown]): boolean {
  const size: unknown = typeof args === "object" && args !== null && "size" in args ? args.size : undefined;
  return name === "ring" || (name === "lamp" && Number.isInteger(size) && Object.keys(args as object).length === 1);
}

test.each(["llama", "listed", "named"] as const)("what %s's grammars let through, its parser reads", (family) => {
  const random = randomOf(family.length);
  const [forced, free] = [required, strict].map((fields) => familyGrammar(family, fields));
  const samples = (grammar: ByteGrammar | undefined): string[] =>
    Array.from({ length: 100 }, () => grammar?.sample(random, 600)).filter((output) => output !== undefined);
  const calls = samples(forced).map((output) => callsOf(output, family));
  expect(calls.length).toBeGreaterThan(20);
  expect(calls.filter((made) => made.length === 0 || !made.every(isValid))).toEqual([]);
  expect(samples(free).filter((output) => !callsOf(output, family).every(isValid))).toEqual([]);
});

const thinks = (start: ReasoningPlan["start"]): ReasoningPlan => ({
  format: { opening: "<think>", closing: "</think>" },
  start,
  isTold: true,
});
const json = { response_format: { type: "json_object" } } as const;

test.each<[ReasoningPlan["start"], ToolFields, object, readonly string[], readonly string[]]>([
  [
    "undecided",
    {},
    json,
    ["{}", "<think></think>{}", '<think>\nA <b>{ thought.\n</think>\n\n{"a": 1}'],
    ["<think>{}", "<think></think>", "</think>{}", "<think></think>text"],
  ],
  ["inside", {}, json, ["</think>{}", "Hm </thin.</think>\n\n{}"], ["{}", "<think>{}"]],
  ["behind", {}, json, ["{}"], ["<think></think>{}"]],
  [
    "undecided",
    required,
    {},
    [good, `<think>\nHm.\n</think>\n\n${good}`],
    ["<think>", `<think>${good}`, `<tool_call></think>${good}`, `<thool_call></think>${good}`, "<think></think>text"],
  ],
  ["inside", strict, {}, ["</think>", `Hm.</think>See:\n${good}`], [bad, `Hm.</think>${bad}`]],
])("%s, a model may think before what is bound", (start, fields, output, accepted, refused) => {
  const plan = planChatGrammar(output, planToolUse(fields, format), thinks(start));
  const grammar = plan && new ByteGrammar(plan.ebnf);
  expect(accepted.filter((text) => grammar?.accepts(text) !== true)).toEqual([]);
  expect(refused.filter((text) => grammar?.accepts(text) !== false)).toEqual([]);
});

test("a model that may think and is bound by nothing is bound by nothing", () => {
  expect(planChatGrammar({}, planToolUse({ tools: [lamp] }, format), thinks("undecided"))).toBeUndefined();
});

/** A small generator, so that a failing round can be run again. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
