import { AppError } from "@sluice/shared/errors.ts";
import type { InputItem } from "@sluice/shared/openai/response-input.ts";
import type { ResponseRequest } from "@sluice/shared/openai/response-request.ts";

/**
 * The input as items; the edge has resolved what refers to others. Throws `invalid_value` where a call has no output or an output no
 * call, in OpenAI's words.
 */
export function requestItems(input: ResponseRequest["input"]): readonly InputItem[] {
  if (typeof input === "string") return [{ type: "message", role: "user", content: input }];
  const items = input.map((item, index) => {
    if (item.type !== "item_reference") return item;
    throw new AppError("invalid_value", { param: `input[${index}]`, publicText: "A region keeps no items." });
  });
  assertAnswered(items);
  return items;
}

/** An output comes anywhere behind its call. A call that the length cut off cannot be made, so it needs none. */
function assertAnswered(items: readonly InputItem[]): void {
  const calls = new Set<string>();
  const unanswered = new Set<string>();
  for (const item of items) {
    if (item.type === "function_call") {
      calls.add(item.call_id);
      if (item.status !== "incomplete") unanswered.add(item.call_id);
    } else if (item.type === "function_call_output") {
      if (!calls.has(item.call_id)) throw unpaired("No tool call found for function call output.");
      unanswered.delete(item.call_id);
    }
  }
  if (unanswered.size > 0) throw unpaired("No tool output found for function call.");
}

/** What came before the caller's own items stands in front of them here, so none can be named by its place. */
function unpaired(publicText: string): AppError {
  return new AppError("invalid_value", { param: "input", publicText });
}
