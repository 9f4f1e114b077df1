import { base32Class, encodeBase32 } from "#edge/base32.ts";
import type { Entropy } from "#edge/entropy.ts";

const pattern = new RegExp(`^batch_${base32Class}{24}$`);

/** A new batch's id: `batch_` and 120 random bits. */
export function newBatchId(entropy: Entropy): string {
  return `batch_${encodeBase32(entropy(15))}`;
}

export function isBatchId(text: string): boolean {
  return pattern.test(text);
}

/** Names one line of a batch in its result files. */
export function lineIdOf(batchId: string, lineNumber: number): string {
  return `batch_req_${batchId.slice("batch_".length)}_${lineNumber}`;
}
