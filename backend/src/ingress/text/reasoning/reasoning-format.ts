// How models mark what they think before they answer. Source: the chat templates of DeepSeek R1, Qwen 3, SmolLM 3 and
// Magistral.
export type ReasoningFormatName = "think" | "think_brackets";

export interface ReasoningFormat {
  readonly opening: string;
  readonly closing: string;
}

/** Where a prompt leaves the model: it thinks, it has thought, or it decides. */
export type ReasoningStart = "inside" | "behind" | "undecided";

/** name -> format, in the order in which templates are searched for them. */
const formats: Readonly<Record<ReasoningFormatName, ReasoningFormat>> = {
  think: { opening: "<think>", closing: "</think>" },
  think_brackets: { opening: "[THINK]", closing: "[/THINK]" },
};

/** A format by name; `auto` is the one that a chat template shows, undefined when its model does not reason. */
export function reasoningFormatOf(
  name: "auto" | "none" | ReasoningFormatName,
  template: string,
): ReasoningFormat | undefined {
  if (name === "none") return undefined;
  if (name !== "auto") return formats[name];
  return Object.values(formats).find(
    ({ opening, closing }) => template.includes(opening) && template.includes(closing),
  );
}

/** @param prompt as the template rendered it; what a caller wrote does not stand at its end. */
export function reasoningStart(prompt: string, { opening, closing }: ReasoningFormat): ReasoningStart {
  const end = prompt.trimEnd();
  if (end.endsWith(opening)) return "inside";
  return end.endsWith(closing) ? "behind" : "undecided";
}
