import { AppError } from "@sluice/shared/errors.ts";

export interface BudgetQuestion {
  readonly promptTokens: number;
  /** What the caller asked for; undefined when nothing. */
  readonly requested: number | undefined;
  /** What an endpoint takes when nothing was asked for; undefined takes all that is left. */
  readonly fallback: number | undefined;
  readonly maxModelLen: number;
  /** The parameter that holds the prompt. */
  readonly param: string;
}

/** How many tokens may be generated; 0 only when asked for, and then the prompt may fill the context. Throws `context_length_exceeded` in OpenAI's words. */
export function outputBudget({ promptTokens, requested, fallback, maxModelLen, param }: BudgetQuestion): number {
  const left = maxModelLen - promptTokens;
  if (left < Math.min(1, requested ?? 1)) throw promptTooLong(maxModelLen, String(promptTokens), param);
  if (requested === undefined) return Math.min(left, fallback ?? left);
  if (requested <= left) return requested;
  throw new AppError("context_length_exceeded", {
    param,
    publicText:
      `This model's maximum context length is ${maxModelLen} tokens. However, you requested ` +
      `${promptTokens + requested} tokens (${promptTokens} in the ${param}, ${requested} in the completion). ` +
      `Please reduce the length of the ${param} or the completion.`,
  });
}

/**
 * Refuses, before any work is spent on it, a text that cannot fit: no token stands for more than `longestToken` UTF-16
 * units. Nearly every text that passes is cheap to tokenize.
 */
export function assertMayFit(textLength: number, longestToken: number, maxModelLen: number, param: string): void {
  const fewestTokens = Math.ceil(textLength / longestToken);
  if (fewestTokens >= maxModelLen) throw promptTooLong(maxModelLen, `at least ${fewestTokens}`, param);
}

function promptTooLong(maxModelLen: number, promptTokens: string, param: string): AppError {
  return new AppError("context_length_exceeded", {
    param,
    publicText:
      `This model's maximum context length is ${maxModelLen} tokens. However, your ${param} resulted in ` +
      `${promptTokens} tokens. Please reduce the length of the ${param}.`,
  });
}
