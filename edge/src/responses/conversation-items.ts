// The items of a conversation as they are kept: each with an id, in the form in which `GET …/input_items` lists them, which is also
// one in which they can be asked with again.
import { type InputItem, itemText } from "@sluice/shared/openai/response-input.ts";

type Typed<Type extends InputItem["type"]> = Extract<InputItem, { type: Type }>;

type Part = Exclude<Typed<"message">["content"], string>[number];

const prefixes = { message: "msg", function_call: "fc", function_call_output: "fco", reasoning: "rs" } as const;

/** What a request says, behind what was said before it. */
export function conversationOf(
  before: readonly InputItem[],
  said: readonly InputItem[],
  responseId: string,
): readonly InputItem[] {
  const named = said.map((item, index) => {
    const id = item.id ?? `${prefixes[item.type]}_${responseId.replace(/^resp_/, "")}_in${before.length + index}`;
    return nameItem(item, id);
  });
  return [...before, ...named];
}

/** The response with which an item of this id is kept. Undefined when the id was not made here. */
export function responseOfItem(itemId: string): string | undefined {
  const found = /^(?:msg|fc|fco|rs)_(\w+)_(?:in)?\d+$/.exec(itemId);
  return found === null ? undefined : `resp_${found[1]}`;
}

/** An answer as the end of a conversation that may go on. */
export function outputAsItems(output: readonly InputItem[]): readonly InputItem[] {
  return output.map((item) => (item.type === "message" ? { ...item, content: partsOf(item) } : item));
}

function nameItem(item: InputItem, id: string): InputItem {
  const named = { id, status: item.status ?? "completed" };
  switch (item.type) {
    case "message":
      return { type: item.type, role: item.role, content: partsOf(item), ...named };
    case "function_call":
      return { type: item.type, call_id: item.call_id, name: item.name, arguments: item.arguments, ...named };
    case "function_call_output":
      return { type: item.type, call_id: item.call_id, output: itemText(item.output), ...named };
    case "reasoning":
      return { type: item.type, summary: item.summary, ...(item.content && { content: item.content }), ...named };
  }
}

function partsOf({ role, content }: Typed<"message">): Part[] {
  const toPart = role === "assistant" ? outputPart : inputPart;
  return typeof content === "string" ? [toPart(content)] : content.map(({ text }) => toPart(text));
}

function inputPart(text: string): Part {
  return { type: "input_text", text };
}

/** Without its logprobs, which say nothing to who goes on from it. */
function outputPart(text: string): Part {
  return { type: "output_text", text, annotations: [], logprobs: [] };
}
