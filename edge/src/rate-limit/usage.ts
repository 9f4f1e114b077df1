// What a request used, summed over the regions that worked on it.
import type { Receipt } from "@sluice/shared/receipt.ts";
import type { AskedRegion } from "#edge/proxy/collect-receipts.ts";
import type { ReceiptAnswer } from "#edge/proxy/fetch-receipts.ts";

export interface Usage {
  readonly receipts: readonly Receipt[];
  /** As the regions signed them. */
  readonly signed: readonly string[];
  /** Regions of whose answer nobody can tell what it took. */
  readonly missing: readonly string[];
  /** Prompt and completion together. Absent when nobody can tell: it then counts as reserved. */
  readonly totalTokens: number | undefined;
}

/**
 * Nobody can tell when a region whose answer began gives no receipt, or one is still at work. One that never answered and cannot be
 * asked has delivered nothing, so nothing is counted for it. `answers` are in the order of `asked`.
 */
export function sumUsage(asked: readonly AskedRegion[], answers: readonly ReceiptAnswer[]): Usage {
  const known = answers.filter((answer) => answer.kind === "receipt");
  const missing = asked.filter(({ answered }, index) => {
    const kind = answers[index]?.kind;
    return kind === "running" || (answered && kind === "unknown");
  });
  const tokens = known.reduce((sum, { receipt }) => sum + receipt.promptTokens + receipt.completionTokens, 0);
  return {
    receipts: known.map(({ receipt }) => receipt),
    signed: known.map(({ signed }) => signed),
    missing: missing.map(({ region }) => region.id),
    totalTokens: missing.length > 0 ? undefined : tokens,
  };
}
