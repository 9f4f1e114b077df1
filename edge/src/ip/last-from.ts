import type { IpRange } from "./cidr.ts";

/**
 * The last range that begins at `bits` or before; absent when there is none. The ranges ascend. Looks at as many of them as
 * their number has binary digits: 14 of 10,000.
 */
export function lastFrom(ranges: readonly IpRange[], bits: bigint): IpRange | undefined {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle];
    if (range !== undefined && range.first <= bits) low = middle + 1;
    else high = middle;
  }
  return ranges[low - 1];
}
