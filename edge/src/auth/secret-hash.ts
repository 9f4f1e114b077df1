import { sha256Base64Url } from "@sluice/shared/passport.ts";

const encoder = new TextEncoder();

/** Of a hash: enough to tell the secrets of one key apart, and proof of nothing. */
const markLength = 16;

/** Names a secret in what may be read by others. */
export function secretMark(secretHash: string): string {
  return secretHash.slice(0, markLength);
}

/**
 * What is kept of a secret. Plain SHA-256 is right here: our secrets are 200 random bits, so there is no dictionary for a
 * slow hash to slow down, and a slow hash would cost every request.
 */
export async function hashSecret(secret: string): Promise<string> {
  return sha256Base64Url(new Uint8Array(encoder.encode(secret)));
}
