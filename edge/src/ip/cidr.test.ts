import { expect, test } from "vitest";
import { parseCidr } from "./cidr.ts";

test.each([
  { cidr: "10.1.2.3", first: 0x0a010203n, last: 0x0a010203n },
  { cidr: "10.1.2.3/8", first: 0x0a000000n, last: 0x0affffffn },
  { cidr: "0.0.0.0/0", first: 0n, last: 0xffffffffn },
  { cidr: "192.168.0.1/31", first: 0xc0a80000n, last: 0xc0a80001n },
  { cidr: "::ffff:10.1.2.3", first: 0x0a010203n, last: 0x0a010203n },
  { cidr: "::ffff:10.1.2.3/104", first: 0x0a000000n, last: 0x0affffffn },
  { cidr: "::FFFF:a01:203/128", first: 0x0a010203n, last: 0x0a010203n },
])("$cidr is a range of IPv4 addresses", ({ cidr, first, last }) => {
  expect(parseCidr(cidr)).toEqual({ version: 4, first, last });
});

test.each([
  { cidr: "2001:db8::/32", first: 0x20010db8n << 96n, last: (0x20010db9n << 96n) - 1n },
  { cidr: "2001:db8::1", first: (0x20010db8n << 96n) + 1n, last: (0x20010db8n << 96n) + 1n },
  { cidr: "::/0", first: 0n, last: (1n << 128n) - 1n },
])("$cidr is a range of IPv6 addresses", ({ cidr, first, last }) => {
  expect(parseCidr(cidr)).toEqual({ version: 6, first, last });
});

test.each([
  "",
  "/",
  "/8",
  "10",
  "10.1",
  "10.1.2",
  "10.1.2.3.4",
  "10.1.2.256",
  "010.1.2.3",
  "10.01.2.3",
  "0x0a.1.2.3",
  "167838211",
  "10.1.2.3/",
  "10.1.2.3/33",
  "10.1.2.3/08",
  "10.1.2.3/-1",
  "10.1.2.3/8/8",
  "10.1.2.3/1e1",
  "10.1.2.3/ 8",
  " 10.1.2.3",
  "10.1.2.3\n",
  "::1/129",
  "::ffff:10.1.2.3/95",
  "::ffff:010.1.2.3",
  ":::",
  "1::2::3",
  "fe80::1%eth0",
  "12345::",
  "[::1]",
  "example.com",
])("%j is no network", (cidr) => {
  expect(parseCidr(cidr)).toBeUndefined();
});
