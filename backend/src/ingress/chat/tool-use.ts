import { AppError } from "@sluice/shared/errors.ts";
import type { Tool, ToolChoice } from "@sluice/shared/openai/tools.ts";
import type { ToolFormat } from "#ingress/text/tool-calls/tool-format.ts";

/** The fields of a chat request that say what may be called. */
export interface ToolFields {
  readonly tools?: readonly Tool[] | null | undefined;
  readonly tool_choice?: ToolChoice | null | undefined;
  readonly parallel_tool_calls?: boolean | null | undefined;
}

/** The tools of an answer that may call some. */
export interface ToolUse {
  readonly format: ToolFormat;
  /** All that the model is told of. */
  readonly tools: readonly Tool[];
  /** Those that it may call, by their indexes in `tools`. */
  readonly callable: readonly number[];
  /** Whether it must. */
  readonly isForced: boolean;
  readonly maxCalls: number;
  /** Whether the caller takes no more than one. */
  readonly isSingle: boolean;
}

/**
 * Undefined when nothing may be called.
 *
 * @param format of the model; undefined when its template knows no tools.
 */
export function planToolUse(fields: ToolFields, format: ToolFormat | undefined): ToolUse | undefined {
  const tools = fields.tools ?? [];
  const choice = fields.tool_choice ?? (tools.length > 0 ? "auto" : "none");
  if (choice === "none" || (choice === "auto" && tools.length === 0)) return undefined;
  if (tools.length === 0) throw invalid("tool_choice", "it is only allowed when 'tools' are given");
  if (format === undefined) {
    const publicText = "This model's chat template has no tools, or none in a format that is supported.";
    throw new AppError("unsupported_parameter", { param: "tools", publicText });
  }
  const names = tools.map((tool) => tool.function.name);
  const twice = names.findIndex((name, index) => names.indexOf(name) < index);
  if (twice >= 0) throw invalid(`tools[${twice}].function.name`, "another function has this name");
  const { wanted, isForced, maxCalls } = readChoice(choice);
  const callable = wanted?.map((name) => names.indexOf(name)) ?? [...tools.keys()];
  if (callable.includes(-1)) throw invalid("tool_choice", "it names no function of 'tools'");
  const isSingle = fields.parallel_tool_calls === false;
  return { format, tools, callable, isForced, maxCalls: isSingle ? 1 : Math.min(maxCalls, format.maxCalls), isSingle };
}

interface Choice {
  /** Names of the functions that may be called; undefined for all. */
  readonly wanted: readonly string[] | undefined;
  readonly isForced: boolean;
  readonly maxCalls: number;
}

function readChoice(choice: Exclude<ToolChoice, "none">): Choice {
  if (typeof choice === "string") return { wanted: undefined, isForced: choice === "required", maxCalls: Infinity };
  if (choice.type === "function") return { wanted: [choice.function.name], isForced: true, maxCalls: 1 };
  const { mode, tools } = choice.allowed_tools;
  return {
    wanted: [...new Set(tools.map((tool) => tool.function.name))],
    isForced: mode === "required",
    maxCalls: Infinity,
  };
}

function invalid(param: string, why: string): AppError {
  return new AppError("invalid_value", { param, publicText: `Invalid '${param}': ${why}.` });
}
