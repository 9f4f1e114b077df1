/** Which tokens may come next: bit `id % 32` of word `id / 32` is set for those that may. */
export type TokenMask = Int32Array;

export function allowToken(mask: TokenMask, tokenId: number): void {
  mask[tokenId >>> 5] = (mask[tokenId >>> 5] ?? 0) | (1 << (tokenId & 31));
}

export function banToken(mask: TokenMask, tokenId: number): void {
  mask[tokenId >>> 5] = (mask[tokenId >>> 5] ?? 0) & ~(1 << (tokenId & 31));
}

export function allowsToken(mask: TokenMask, tokenId: number): boolean {
  return ((mask[tokenId >>> 5] ?? 0) & (1 << (tokenId & 31))) !== 0;
}

export function allowsNone(mask: TokenMask): boolean {
  return mask.every((word) => word === 0);
}

/** Gives every token of the row that may not come the logit -Infinity. Tokens beyond the mask may not come. */
export function maskLogits(row: Float32Array, mask: TokenMask): void {
  for (let word = 0; word * 32 < row.length; word += 1) {
    const bits = mask[word] ?? 0;
    if (bits === -1) continue;
    const end = Math.min(row.length, word * 32 + 32);
    for (let id = word * 32; id < end; id += 1) if ((bits & (1 << (id & 31))) === 0) row[id] = -Infinity;
  }
}
