import type { AppError } from "@sluice/shared/errors.ts";
import type { Receipt } from "@sluice/shared/receipt.ts";
import type { GenerationProgress } from "#ingress/generation/generation.ts";

/** What identifies a request in its region. */
interface ReceiptHead {
  readonly requestId: string;
  readonly region: string;
  readonly model: string;
  readonly endedAtMs: number;
}

/**
 * The receipt of a request that ended, with or without an error. Absent when no engine computed anything for it: an engine
 * counts a prompt as computed once it can sample after it, and so do we.
 */
export function receiptOf(
  head: ReceiptHead,
  progress: GenerationProgress,
  error: AppError | undefined,
): Receipt | undefined {
  const { engine, computedPromptTokens: promptTokens, cachedTokens = 0, completionTokens = 0, finishReason } = progress;
  if (promptTokens === undefined) return undefined;
  const reason = error === undefined ? finishReason : error.code === "request_cancelled" ? "cancelled" : "error";
  return {
    ...head,
    ...(engine !== undefined && { engine }),
    promptTokens,
    cachedTokens,
    completionTokens,
    finishReason: reason ?? "error",
  };
}
