import { AppError } from "@sluice/shared/errors.ts";

/** A parameter of chat completions -> what another wording calls it. The first that fits. */
export type Renames = readonly (readonly [RegExp, string])[];

/** The error as callers of the other wording can read it. */
export function renameParams(thrown: unknown, renames: Renames): unknown {
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
