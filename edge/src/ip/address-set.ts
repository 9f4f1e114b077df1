import type { IpAddress } from "./address.ts";
import { type IpRange, parseCidr } from "./cidr.ts";
import { lastFrom } from "./last-from.ts";

/** A set of addresses given as networks. Looking one up takes the logarithm of their number. */
export class AddressSet {
  // Ascending and without overlap, so that the only range that can hold an address is the last that begins at or before it.
  readonly #ranges: Readonly<Record<IpAddress["version"], readonly IpRange[]>>;
  readonly #isEmpty: boolean;

  /** @throws RangeError when an entry is no network: check with `parseCidr` first what comes from outside. */
  constructor(cidrs: readonly string[]) {
    const ranges = cidrs.map((cidr) => {
      const range = parseCidr(cidr);
      if (range === undefined) throw new RangeError("not a network in CIDR notation");
      return range;
    });
    this.#isEmpty = ranges.length === 0;
    this.#ranges = { 4: merge(ranges.filter(isOf(4))), 6: merge(ranges.filter(isOf(6))) };
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  has({ version, bits }: IpAddress): boolean {
    const candidate = lastFrom(this.#ranges[version], bits);
    return candidate !== undefined && bits <= candidate.last;
  }
}

function isOf(version: IpAddress["version"]): (range: IpRange) => boolean {
  return (range) => range.version === version;
}

function merge(ranges: readonly IpRange[]): readonly IpRange[] {
  const sorted = ranges.toSorted((a, b) => (a.first < b.first ? -1 : Number(a.first > b.first)));
  const merged: IpRange[] = [];
  for (const range of sorted) {
    const previous = merged.at(-1);
    if (previous === undefined || range.first > previous.last) merged.push(range);
    else if (range.last > previous.last) merged[merged.length - 1] = { ...previous, last: range.last };
  }
  return merged;
}
