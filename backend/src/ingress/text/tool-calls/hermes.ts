// Hermes, Qwen 2.5 and 3, and the pocket model: <tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>, one after another.
// Source: NousResearch/Hermes-Function-Calling, README; the chat templates of Qwen.
import type { ToolFormat } from "./tool-format.ts";
import { readCallHead } from "./call-head.ts";

const closing = "</tool_call>";

export const hermes: ToolFormat = {
  name: "hermes",
  syntax: {
    opening: "<tool_call>",
    mayBeginBare: false,
    readHead: (text) => readCallHead(text, '"arguments"'),
    readTail: (text) => {
      const at = text.indexOf(closing);
      return at < 0 ? { kind: "incomplete" } : { kind: "tail", length: at + closing.length, next: "text" };
    },
  },
  open: "",
  before: (name) => `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": `,
  after: `}\n${closing}`,
  separator: "\n",
  close: "",
  maxCalls: Infinity,
};
