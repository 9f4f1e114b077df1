import { AppError } from "@sluice/shared/errors.ts";

/** A parameter of chat completions -> the same of responses. The first that fits. */
const renames: readonly (readonly [RegExp, string])[] = [
  [/^messages$/, "input"],
  [/^max_(completion_)?tokens$/, "max_output_tokens"],
  [/^tools\[(\d+)\]\.function\b/, "tools[$1]"],
  [/^tool_choice\.allowed_tools\b/, "tool_choice"],
  [/^reasoning_effort$/, "reasoning.effort"],
  [/^response_format(\.json_schema)?\b/, "text.format"],
];

/** The error as the callers of responses can read it: with the names that their parameters have. */
export function renameParams(thrown: unknown): unknown {
  if (!(thrown instanceof AppError) || thrown.param === undefined) return thrown;
  const { param, code, publicText, message: detail, retryAfterMs } = thrown;
  const rename = renames.find(([pattern]) => pattern.test(param));
  if (rename === undefined) return thrown;
  const renamed = param.replace(...rename);
  const options = { param: renamed, publicText: reword(publicText, param, renamed), detail, cause: thrown };
  return new AppError(code, { ...options, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

/** Texts name a parameter in quotes or behind an article. */
function reword(text: string, param: string, renamed: string): string {
  return text.replaceAll(`'${param}'`, `'${renamed}'`).replaceAll(`the ${param}`, `the ${renamed}`);
}
