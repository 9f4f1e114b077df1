// Llama 3.1, 3.2 and 3.3: the whole answer is {"name": …, "parameters": {…}}, sometimes behind <|python_tag|>. Their templates
// show one call a turn; models that write several put semicolons between.
// Source: Meta's model cards and prompt formats, "Llama 3.1", JSON based tool calling; vLLM's llama_tool_parser.py.
import type { ToolFormat } from "./tool-format.ts";
import { readCallHead } from "./call-head.ts";

const end = /^\s*\}\s*(;?)/;

export const llama3Json: ToolFormat = {
  name: "llama3_json",
  syntax: {
    opening: "<|python_tag|>",
    mayBeginBare: true,
    readHead: (text) => {
      const head = readCallHead(text, '"parameters"');
      return head.kind === "none" ? readCallHead(text, '"arguments"') : head;
    },
    readTail: (text) => {
      const found = end.exec(text);
      const isCertain = found !== null && (found[1] === ";" || found[0].length < text.length);
      if (isCertain) return { kind: "tail", length: found[0].length, next: found[1] === ";" ? "head" : "text" };
      return "}".startsWith(text.trim()) ? { kind: "incomplete" } : { kind: "tail", length: 0, next: "text" };
    },
  },
  open: "",
  before: (name) => `{"name": ${JSON.stringify(name)}, "parameters": `,
  after: "}",
  separator: "; ",
  close: "",
  maxCalls: 1,
};
