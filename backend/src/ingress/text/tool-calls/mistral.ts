// Mistral. At first [TOOL_CALLS] [{"name": …, "arguments": {…}}, …], later (tokenizer v11) [TOOL_CALLS]name[ARGS]{…}, one after
// another, some with [CALL_ID]… behind the name or without [ARGS].
// Source: mistral-common, tokens/tokenizers/instruct.py; the chat templates of Mistral's models; vLLM's mistral_tool_parser.py.
import type { ToolFormat } from "./tool-format.ts";
import { type CallHead, readCallHead } from "./call-head.ts";
import type { CallTail } from "./call-parser.ts";

const opening = "[TOOL_CALLS]";
const named = /^\s*([\w.-]{1,64})(?:\[CALL_ID\]\w{1,64})?(?:\[ARGS\])?\s*(?=\{)/;
/** What such a head may begin with. */
const beginsNamed = /^\s*[\w.-]{0,64}(?:\[[A-Z_]{0,7}(?:\]\w{0,64})?){0,2}\s*$/;
const listed = /^\s*\[/;
const endOfListed = /^\s*(?:,\s*"id"\s*:\s*"[^"]*"\s*)?\}\s*([,\]])/;
/** The end of a listed call that is longer is none. */
const maxEndLength = 128;

/** As the chat template shows them. */
export function mistral(template: string): ToolFormat {
  const common = {
    name: "mistral",
    syntax: { opening, mayBeginBare: false, readHead, readTail },
    maxCalls: Infinity,
  } as const;
  if (template.includes("[ARGS]")) {
    return { ...common, open: "", before: (name) => `${opening}${name}[ARGS]`, after: "", separator: "", close: "" };
  }
  const space = template.includes(`${opening} [`) ? " " : "";
  return {
    ...common,
    open: `${opening}${space}[`,
    before: (name) => `{"name": ${JSON.stringify(name)}, "arguments": `,
    after: "}",
    separator: ", ",
    close: "]",
  };
}

function readHead(text: string, isFirst: boolean): CallHead {
  if (!isFirst) return readCallHead(text, '"arguments"');
  const bracket = listed.exec(text)?.[0].length;
  if (bracket !== undefined) {
    const head = readCallHead(text.slice(bracket), '"arguments"');
    return head.kind === "head" ? { ...head, length: bracket + head.length } : head;
  }
  const found = named.exec(text);
  if (found !== null) return { kind: "head", name: found[1] ?? "", length: found[0].length };
  return { kind: beginsNamed.test(text) ? "incomplete" : "none" };
}

/** A listed call goes on with its own brace; behind one that is named come others, or text. */
function readTail(text: string): CallTail {
  const next = text.trimStart().slice(0, 1);
  if (next === "") return { kind: "incomplete" };
  if (next !== "}" && next !== ",") return { kind: "tail", length: 0, next: "text" };
  const found = endOfListed.exec(text);
  if (found !== null) return { kind: "tail", length: found[0].length, next: found[1] === "," ? "head" : "text" };
  return text.length <= maxEndLength ? { kind: "incomplete" } : { kind: "tail", length: 0, next: "text" };
}
