/** What an output says, once its tool calls are told from its text. Calls are numbered from 0. */
export type ToolCallEvent =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "callStart"; readonly call: number; readonly name: string }
  /** The next piece of the arguments' JSON. */
  | { readonly kind: "callArguments"; readonly call: number; readonly text: string };

/** Reads one output as it comes. */
export interface ToolCallParser {
  /** What became certain. */
  push(text: string): ToolCallEvent[];
  /** What was held back, when the output ends. */
  end(): ToolCallEvent[];
}
