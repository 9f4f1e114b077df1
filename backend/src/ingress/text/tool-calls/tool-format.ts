// How a family of models writes calls: one file with a parser a family. Llama 3's JSON and Mistral's [TOOL_CALLS] would stand
// beside Hermes'; until then their templates are recognised and `tools` refused.
import { HermesParser } from "./hermes-parser.ts";
import type { ToolCallParser } from "./tool-call-event.ts";

export interface ToolFormat {
  /** Begins every call, and no text otherwise; its first character is nowhere else in it. */
  readonly opening: string;
  /** A call is `before(name)`, the arguments' JSON, and `after`. */
  before(name: string): string;
  readonly after: string;
  /** Between two calls. */
  readonly separator: string;
  createParser(): ToolCallParser;
}

const hermes: ToolFormat = {
  opening: "<tool_call>",
  before: (name) => `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": `,
  after: "}\n</tool_call>",
  separator: "\n",
  createParser: () => new HermesParser(),
};

/** The format that a chat template teaches; undefined when it has no tools, or in a format that is not known. */
export function findToolFormat(template: string): ToolFormat | undefined {
  return template.includes("<tool_call>") && template.includes("tools") ? hermes : undefined;
}
