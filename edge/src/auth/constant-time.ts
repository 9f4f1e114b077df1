const encoder = new TextEncoder();

/**
 * Whether two texts are equal, in a time that depends on their lengths alone. Compare hashes or fixed-length tags, so that
 * the length says nothing either.
 */
export function equalsInConstantTime(left: string, right: string): boolean {
  const leftBytes = encoder.encode(left);
  const rightBytes = encoder.encode(right);
  return leftBytes.length === rightBytes.length && crypto.subtle.timingSafeEqual(leftBytes, rightBytes);
}
