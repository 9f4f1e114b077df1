import type { InputItem } from "@sluice/shared/openai/response-input.ts";

/** Where a conversation can be cut: before each thing a user says, but for the first. Whatever answers it stays with it. */
export function turnStarts(items: readonly InputItem[]): number[] {
  const starts = items.flatMap((item, index) => (item.type === "message" && item.role === "user" ? [index] : []));
  return starts.filter((start) => start > 0);
}
