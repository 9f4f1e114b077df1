import { expect, test } from "vitest";
import { reasoningFormatOf, type ReasoningStart, reasoningStart } from "./reasoning-format.ts";
import { ReasoningReader } from "./reasoning-reader.ts";

const think = { opening: "<think>", closing: "</think>" };

function read(pieces: readonly string[], start: ReasoningStart): { reasoning: string; text: string } {
  const reader = new ReasoningReader(think, start);
  const said = { reasoning: "", text: "" };
  for (const { kind, text } of [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()]) said[kind] += text;
  return said;
}

test.each<[string, ReasoningStart, string, string, string]>([
  ["a thought and an answer", "undecided", "<think>\nHm, so.\n</think>\n\nYes.\n", "Hm, so.", "Yes.\n"],
  ["an answer alone", "undecided", " Yes, <think> </think>", "", " Yes, <think> </think>"],
  ["a thought that the prompt opened", "inside", "\nHm.</think>Yes.", "Hm.", "Yes."],
  ["a thought that the prompt closed", "behind", "\n\nYes </think>", "", "Yes </think>"],
  ["an empty thought", "undecided", "<think>\n\n</think>\n\nYes.", "", "Yes."],
  ["a thought that does not end", "undecided", "<think>Hm. </thi", "Hm. </thi", ""],
  ["a thought about marks", "inside", "</ th <think> </thin </think>Yes.", "</ th <think> </thin", "Yes."],
  ["an opening that breaks off", "undecided", "\n<thi", "", "\n<thi"],
  ["a second thought, which is text", "undecided", "<think>a</think>b<think>c</think>", "a", "b<think>c</think>"],
  ["characters of several units", "inside", "日本🦊</think>🦊日本", "日本🦊", "🦊日本"],
])("reads %s, wherever it is cut", (_what, start, output, reasoning, text) => {
  expect(read([output], start)).toEqual({ reasoning, text });
  expect(read(Array.from(output), start)).toEqual({ reasoning, text });
  for (let at = 1; at < output.length; at += 1) {
    expect(read([output.slice(0, at), output.slice(at)], start)).toEqual({ reasoning, text });
  }
});

test.each<[string, ReasoningStart]>([
  ["<|im_start|>assistant\n<think>\n", "inside"],
  ["<|im_start|>assistant\n<think>\n\n</think>\n\n", "behind"],
  ["<|im_start|>assistant\n", "undecided"],
])("a prompt that ends with %j leaves the model %s", (prompt, start) => {
  expect(reasoningStart(prompt, think)).toBe(start);
});

test.each([
  ["auto", "{{ '<think>' }} {{ '</think>' }}", "</think>"],
  ["auto", "[THINK][/THINK]", "[/THINK]"],
  ["auto", "no thoughts", undefined],
  ["none", "<think></think>", undefined],
  ["think", "no thoughts", "</think>"],
] as const)("%s of %j is %s", (name, template, closing) => {
  expect(reasoningFormatOf(name, template)?.closing).toBe(closing);
});
