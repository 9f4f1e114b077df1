// Crockford's alphabet in lower case: no `i`, `l`, `o` or `u` to misread, and no `-`, which separates the parts of a key.
// Source: Douglas Crockford, "Base 32" (crockford.com/base32.html).
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** The alphabet as a regular-expression class. */
export const base32Class = `[${alphabet}]`;

/** Five bits a character, most significant first; a last incomplete group is padded with zero bits. */
export function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let pending = 0;
  let numPendingBits = 0;
  for (const byte of bytes) {
    pending = (pending << 8) | byte;
    numPendingBits += 8;
    while (numPendingBits >= 5) {
      numPendingBits -= 5;
      text += alphabet.charAt((pending >> numPendingBits) & 31);
    }
    pending &= (1 << numPendingBits) - 1;
  }
  if (numPendingBits > 0) text += alphabet.charAt((pending << (5 - numPendingBits)) & 31);
  return text;
}
