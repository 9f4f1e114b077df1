import { parseAddress } from "./address.ts";

/** All addresses from `first` to `last`, both included. */
export interface IpRange {
  readonly version: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

const mappedBits = 96;

/**
 * An address, or an address and the length of its network's prefix (RFC 4632, RFC 4291). Bits beyond the prefix do not
 * count. Absent when the text is neither.
 */
export function parseCidr(text: string): IpRange | undefined {
  const [addressText = "", lengthText, ...rest] = text.split("/");
  const address = parseAddress(addressText);
  if (address === undefined || rest.length > 0) return undefined;
  const numBits = address.version === 4 ? 32 : 128;
  // A mapped network counts its prefix from the front of the IPv6 address.
  const skippedBits = address.version === 4 && addressText.includes(":") ? mappedBits : 0;
  const length = lengthText === undefined ? numBits : parseLength(lengthText) - skippedBits;
  if (!(length >= 0 && length <= numBits)) return undefined;
  const hostBits = BigInt(numBits - length);
  const first = (address.bits >> hostBits) << hostBits;
  return { version: address.version, first, last: first | ((1n << hostBits) - 1n) };
}

/** NaN for what is not a plain decimal. */
function parseLength(text: string): number {
  return /^(0|[1-9]\d{0,2})$/.test(text) ? Number(text) : NaN;
}
