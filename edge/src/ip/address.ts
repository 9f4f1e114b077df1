// IP addresses as numbers. An IPv4 address mapped into IPv6 (RFC 4291, 2.5.5.2) is the IPv4 address it holds, so that one
// rule meets a caller however its packets arrived; and no IPv6 range ever holds an IPv4 address.
import ipaddr from "ipaddr.js";

export interface IpAddress {
  readonly version: 4 | 6;
  /** 32 or 128 bits. */
  readonly bits: bigint;
}

const mappedPrefix = 0xffffn;

/** Absent when the text is no address: four decimal parts without leading zeros, or RFC 4291 text without a zone. */
export function parseAddress(text: string): IpAddress | undefined {
  if (isIpv4(text)) return { version: 4, bits: bitsOf(ipaddr.IPv4.parse(text).toByteArray()) };
  if (!isIpv6(text)) return undefined;
  const bits = bitsOf(ipaddr.IPv6.parse(text).toByteArray());
  return bits >> 32n === mappedPrefix ? { version: 4, bits: bits & 0xffff_ffffn } : { version: 6, bits };
}

/** Parts with leading zeros are octal to some readers and decimal to others, so they are nothing to us. */
function isIpv4(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) && !/(^|\.)0\d/.test(text);
}

function isIpv6(text: string): boolean {
  const lastPart = text.slice(text.lastIndexOf(":") + 1);
  return ipaddr.IPv6.isValid(text) && !text.includes("%") && (!lastPart.includes(".") || isIpv4(lastPart));
}

function bitsOf(bytes: readonly number[]): bigint {
  return bytes.reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
}
