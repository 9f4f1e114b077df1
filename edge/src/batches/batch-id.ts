import { base32Class, encodeBase32 } from "#edge/base32.ts";
import type { Entropy } from "#edge/entropy.ts";

const pattern = new RegExp(`^batch_${base32Class}{24}$`);

/** A new batch's id: `batch_` and 120 random bits. */
export function newBatchId(entropy: Entropy): string {
  return `batch_${encodeBase32(entropy(15))}`;
}

/** The id of the batch that a key makes under an `Idempotency-Key`. */
export async function batchIdOf(keyId: string, idempotencyKey: string): Promise<string> {
  const name = new TextEncoder().encode(JSON.stringify(["batch", keyId, idempotencyKey]));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", name));
  return `batch_${encodeBase32(digest.subarray(0, 15))}`;
}

export function isBatchId(text: string): boolean {
  return pattern.test(text);
}

/** Names one line of a batch in its result files. */
export function lineIdOf(batchId: string, lineNumber: number): string {
  return `batch_req_${batchId.slice("batch_".length)}_${lineNumber}`;
}
