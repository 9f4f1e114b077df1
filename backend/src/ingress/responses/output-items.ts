import type {
  FunctionCallOutput,
  MessageOutput,
  OutputLogprob,
  ReasoningOutput,
} from "@sluice/shared/openai/response.ts";

/** An item that is being written. */
export type OpenItem =
  | { readonly kind: "reasoning"; readonly id: string; text: string }
  | { readonly kind: "message"; readonly id: string; text: string; readonly logprobs: OutputLogprob[] }
  | {
      readonly kind: "call";
      readonly id: string;
      readonly callId: string;
      readonly name: string;
      argumentsText: string;
    };

export type ItemEnd = "completed" | "incomplete";

export function textPart(text: string, logprobs: readonly OutputLogprob[]): MessageOutput["content"][number] {
  return { type: "output_text", text, annotations: [], logprobs };
}

export function callItem(
  { id, callId, name, argumentsText }: Extract<OpenItem, { kind: "call" }>,
  status: FunctionCallOutput["status"],
): FunctionCallOutput {
  return { type: "function_call", id, call_id: callId, name, arguments: argumentsText, status };
}

export function reasoningItem(
  { id, text }: Extract<OpenItem, { kind: "reasoning" }>,
  status: ItemEnd | "in_progress",
): ReasoningOutput {
  return { type: "reasoning", id, status, summary: [], content: [{ type: "reasoning_text", text }] };
}
