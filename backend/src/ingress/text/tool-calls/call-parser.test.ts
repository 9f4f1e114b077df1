import fc from "fast-check";
import { expect, test } from "vitest";
import { CallParser } from "./call-parser.ts";
import { toolFormatOf } from "./find-tool-format.ts";
import type { ToolFormatName } from "./tool-format.ts";

const parserOf = (name: ToolFormatName): CallParser => {
  const format = toolFormatOf(name, "");
  if (format === undefined) throw new Error("no format");
  return new CallParser(format.syntax);
};

interface Read {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

function read(name: ToolFormatName, pieces: readonly string[]): Read {
  const parser = parserOf(name);
  let text = "";
  const calls: { name: string; arguments: string }[] = [];
  for (const event of [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]) {
    if (event.kind === "text") text += event.text;
    else if (event.kind === "callStart") calls[event.call] = { name: event.name, arguments: "" };
    else calls[event.call]!.arguments += event.text;
  }
  return { text, calls };
}

const hermes = (name: string, args: string): string =>
  `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;
const awkward = '{"s": "}</tool_call>[TOOL_CALLS]\\"{;", "n": [1, {"é": "日本"}]}';
const called = (name: string, args: string) => ({ name, arguments: args });

test.each<[ToolFormatName, string, string, Read]>([
  ["hermes", "text alone", "Hello <tool> there\n", { text: "Hello <tool> there\n", calls: [] }],
  ["hermes", "a call", hermes("f", '{"a": 1}'), { text: "", calls: [called("f", '{"a": 1}')] }],
  [
    "hermes",
    "text, then two calls",
    `Let me see.\n${hermes("f", "{}")}\n${hermes("g", awkward)}\n`,
    { text: "Let me see.", calls: [called("f", "{}"), called("g", awkward)] },
  ],
  [
    "hermes",
    "a call that breaks off",
    '<tool_call>\n{"name": "f", "arguments": {"a": ',
    { text: "", calls: [called("f", '{"a": ')] },
  ],
  ["hermes", "an opening that breaks off", "a <tool_c", { text: "a <tool_c", calls: [] }],
  ["hermes", "a head that breaks off", '<tool_call>\n{"na', { text: '<tool_call>\n{"na', calls: [] }],
  [
    "hermes",
    "what is no call",
    "<tool_call>nothing</tool_call> more",
    { text: "<tool_call>nothing</tool_call> more", calls: [] },
  ],
  [
    "hermes",
    "arguments that are no object",
    '<tool_call>{"name": "f", "arguments": 3}</tool_call>',
    { text: '<tool_call>{"name": "f", "arguments": 3}</tool_call>', calls: [] },
  ],
  ["llama3_json", "a call", `{"name": "f", "parameters": ${awkward}}`, { text: "", calls: [called("f", awkward)] }],
  [
    "llama3_json",
    "a call with a type, of arguments",
    '\n{"type": "function", "name": "f", "arguments": {"a": 1}}\n',
    { text: "", calls: [called("f", '{"a": 1}')] },
  ],
  [
    "llama3_json",
    "calls behind a tag",
    '<|python_tag|>{"name": "f", "parameters": {}}; {"name": "g", "parameters": {"a": {}}}',
    { text: "", calls: [called("f", "{}"), called("g", '{"a": {}}')] },
  ],
  [
    "llama3_json",
    "text, then a call behind a tag",
    'See: <|python_tag|>{"name": "f", "parameters": {}}',
    { text: "See:", calls: [called("f", "{}")] },
  ],
  ["llama3_json", "text alone", "Hello {there}", { text: "Hello {there}", calls: [] }],
  ["llama3_json", "other JSON", '{"name": "Mira", "age": 3}', { text: '{"name": "Mira", "age": 3}', calls: [] }],
  ["llama3_json", "code", "<|python_tag|>print(1)", { text: "<|python_tag|>print(1)", calls: [] }],
  [
    "llama3_json",
    "a call that is not at the beginning",
    'So {"name": "f", "parameters": {}}',
    { text: 'So {"name": "f", "parameters": {}}', calls: [] },
  ],
  ["llama3_json", "a head that breaks off", '{"name": "f", "par', { text: '{"name": "f", "par', calls: [] }],
  [
    "llama3_json",
    "a call that breaks off",
    '{"name": "f", "parameters": {"a": [',
    { text: "", calls: [called("f", '{"a": [')] },
  ],
  [
    "mistral",
    "a list of calls",
    `[TOOL_CALLS] [{"name": "f", "arguments": ${awkward}}, {"name": "g", "arguments": {}, "id": "abc123def"}]`,
    { text: "", calls: [called("f", awkward), called("g", "{}")] },
  ],
  [
    "mistral",
    "text, then a list",
    'See: [1] [TOOL_CALLS][{"name": "f", "arguments": {"a": 1}}]',
    { text: "See: [1]", calls: [called("f", '{"a": 1}')] },
  ],
  [
    "mistral",
    "named calls",
    `[TOOL_CALLS]f[ARGS]${awkward}[TOOL_CALLS]g-2[ARGS]{"a": 1}`,
    { text: "", calls: [called("f", awkward), called("g-2", '{"a": 1}')] },
  ],
  [
    "mistral",
    "named calls with an id, and without a mark",
    '[TOOL_CALLS]f[CALL_ID]abc123def[ARGS]{"a": 1}[TOOL_CALLS]g{}',
    { text: "", calls: [called("f", '{"a": 1}'), called("g", "{}")] },
  ],
  ["mistral", "text alone", "[TOOL] [1, 2] done", { text: "[TOOL] [1, 2] done", calls: [] }],
  ["mistral", "what is no call", "[TOOL_CALLS] and so on", { text: "[TOOL_CALLS] and so on", calls: [] }],
  ["mistral", "a head that breaks off", "[TOOL_CALLS]f[AR", { text: "[TOOL_CALLS]f[AR", calls: [] }],
  [
    "mistral",
    "a call that breaks off",
    '[TOOL_CALLS][{"name": "f", "arguments": {"a"',
    { text: "", calls: [called("f", '{"a"')] },
  ],
])("%s: reads %s, wherever it is cut", (format, _what, output, expected) => {
  expect(read(format, [output])).toEqual(expected);
  expect(read(format, Array.from(output))).toEqual(expected);
  for (let at = 1; at < output.length; at += 1) {
    expect(read(format, [output.slice(0, at), output.slice(at)])).toEqual(expected);
  }
  fc.assert(
    fc.property(fc.array(fc.nat(output.length)), (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), output.length];
      expect(
        read(
          format,
          at.slice(1).map((end, index) => output.slice(at[index], end)),
        ),
      ).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});

test("text is not held back longer than it may become a call", () => {
  expect(parserOf("llama3_json").push('{"answer')).toEqual([{ kind: "text", text: '{"answer' }]);
  expect(parserOf("mistral").push("Well [")).toEqual([{ kind: "text", text: "Well" }]);
});

test("arguments are told as they come", () => {
  const parser = parserOf("hermes");
  parser.push('<tool_call>\n{"name": "f", "arguments": ');
  expect(parser.push('{"a"')).toEqual([
    { kind: "callStart", call: 0, name: "f" },
    { kind: "callArguments", call: 0, text: '{"a"' },
  ]);
  expect(parser.push(": 1")).toEqual([{ kind: "callArguments", call: 0, text: ": 1" }]);
});
