import fc from "fast-check";
import { expect, test } from "vitest";
import { HermesParser } from "./hermes-parser.ts";

interface Read {
  readonly text: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

function read(pieces: readonly string[]): Read {
  const parser = new HermesParser();
  let text = "";
  const calls: { name: string; arguments: string }[] = [];
  for (const event of [...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]) {
    if (event.kind === "text") text += event.text;
    else if (event.kind === "callStart") calls[event.call] = { name: event.name, arguments: "" };
    else calls[event.call]!.arguments += event.text;
  }
  return { text, calls };
}

const call = (name: string, args: string): string =>
  `<tool_call>\n{"name": "${name}", "arguments": ${args}}\n</tool_call>`;

test.each<[string, string, Read]>([
  ["text alone", "Hello <tool> there\n", { text: "Hello <tool> there\n", calls: [] }],
  ["a call", call("f", '{"a": 1}'), { text: "", calls: [{ name: "f", arguments: '{"a": 1}' }] }],
  [
    "text, then two calls",
    `Let me see.\n${call("f", "{}")}\n${call("g", '{"s": "}</tool_call>\\"{"}')}\n`,
    {
      text: "Let me see.",
      calls: [
        { name: "f", arguments: "{}" },
        { name: "g", arguments: '{"s": "}</tool_call>\\"{"}' },
      ],
    },
  ],
  [
    "a call that breaks off",
    '<tool_call>\n{"name": "f", "arguments": {"a": ',
    { text: "", calls: [{ name: "f", arguments: '{"a": ' }] },
  ],
  ["an opening that breaks off", "a <tool_c", { text: "a <tool_c", calls: [] }],
  ["a head that breaks off", '<tool_call>\n{"na', { text: '<tool_call>\n{"na', calls: [] }],
  [
    "what is no call",
    "<tool_call>nothing</tool_call> more",
    { text: "<tool_call>nothing</tool_call> more", calls: [] },
  ],
  [
    "arguments that are no object",
    '<tool_call>{"name": "f", "arguments": 3}</tool_call>',
    { text: '<tool_call>{"name": "f", "arguments": 3}</tool_call>', calls: [] },
  ],
])("reads %s, wherever it is cut", (_what, output, expected) => {
  expect(read([output])).toEqual(expected);
  expect(read(Array.from(output))).toEqual(expected);
  fc.assert(
    fc.property(fc.array(fc.nat(output.length)), (cuts) => {
      const at = [0, ...cuts.toSorted((a, b) => a - b), output.length];
      expect(read(at.slice(1).map((end, index) => output.slice(at[index], end)))).toEqual(expected);
    }),
    { numRuns: 50 },
  );
});

test("arguments are told as they come", () => {
  const parser = new HermesParser();
  parser.push('<tool_call>\n{"name": "f", "arguments": ');
  expect(parser.push('{"a"')).toEqual([
    { kind: "callStart", call: 0, name: "f" },
    { kind: "callArguments", call: 0, text: '{"a"' },
  ]);
  expect(parser.push(": 1")).toEqual([{ kind: "callArguments", call: 0, text: ": 1" }]);
});
