import { encodeBase32 } from "#edge/base32.ts";
import type { Entropy } from "#edge/entropy.ts";

/** A new request id: `req_` and 160 random bits. */
export function newRequestId(entropy: Entropy): string {
  return `req_${encodeBase32(entropy(20))}`;
}
