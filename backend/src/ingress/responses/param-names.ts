import type { Renames } from "#ingress/chat/rename-params.ts";

/** As responses call them. */
export const responseNames: Renames = [
  [/^messages$/, "input"],
  [/^max_(completion_)?tokens$/, "max_output_tokens"],
  [/^tools\[(\d+)\]\.function\b/, "tools[$1]"],
  [/^tool_choice\.allowed_tools\b/, "tool_choice"],
  [/^reasoning_effort$/, "reasoning.effort"],
  [/^response_format(\.json_schema)?\b/, "text.format"],
];
