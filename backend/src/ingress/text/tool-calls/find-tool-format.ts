import type { ToolFormat, ToolFormatName } from "./tool-format.ts";
import { hermes } from "./hermes.ts";
import { llama3Json } from "./llama3-json.ts";
import { mistral } from "./mistral.ts";

/** A format by name, written as the template shows it. `auto` is undefined where the template has no tools, or in a format that is not known. */
export function toolFormatOf(name: "auto" | "none" | ToolFormatName, template: string): ToolFormat | undefined {
  switch (name) {
    case "auto":
      return findToolFormat(template);
    case "none":
      return undefined;
    case "hermes":
      return hermes;
    case "llama3_json":
      return llama3Json;
    case "mistral":
      return mistral(template);
  }
}

function findToolFormat(template: string): ToolFormat | undefined {
  if (!template.includes("tools")) return undefined;
  if (template.includes("[TOOL_CALLS]")) return mistral(template);
  // Qwen 3 Coder writes arguments as XML between the same tags.
  if (template.includes("<tool_call>") && !template.includes("<function=")) return hermes;
  return template.includes('"parameters": dictionary of argument name') ? llama3Json : undefined;
}
