// What a request used, summed over the regions that worked on it.
import type { Receipt } from "@sluice/shared/receipt.ts";
import type { ReceiptAnswer } from "#edge/proxy/fetch-receipt.ts";

/** A region that was asked, and whether an answer of its began. */
export interface AskedRegion {
  readonly regionId: string;
  readonly answered: boolean;
  readonly receipt: ReceiptAnswer;
}

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
 * Nobody can tell when a region whose answer began gives no receipt. One that never answered and cannot be asked has
 * delivered nothing, so nothing is counted for it.
 */
export function sumUsage(asked: readonly AskedRegion[]): Usage {
  const known = asked.map(({ receipt }) => receipt).filter((answer) => answer.kind === "receipt");
  const missing = asked.filter(({ answered, receipt }) => answered && receipt.kind === "unknown");
  const tokens = known.reduce((sum, { receipt }) => sum + receipt.promptTokens + receipt.completionTokens, 0);
  return {
    receipts: known.map(({ receipt }) => receipt),
    signed: known.map(({ signed }) => signed),
    missing: missing.map(({ regionId }) => regionId),
    totalTokens: missing.length > 0 ? undefined : tokens,
  };
}
