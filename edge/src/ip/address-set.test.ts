import * as fc from "fast-check";
import { expect, test } from "vitest";
import { AddressSet } from "./address-set.ts";
import { parseAddress } from "./address.ts";
import { parseCidr } from "./cidr.ts";

function holds(set: AddressSet, ip: string): boolean {
  const address = parseAddress(ip);
  if (address === undefined) throw new Error("no address");
  return set.has(address);
}

test("a network holds its first and last address and no neighbour", () => {
  const set = new AddressSet(["10.1.0.0/16", "2001:db8::/127"]);
  const inside = ["10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "2001:db8::", "2001:db8::1", "2001:DB8:0:0:0:0:0:1"];
  const outside = ["10.0.255.255", "10.2.0.0", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::2", "::1"];
  expect(inside.filter((ip) => !holds(set, ip))).toEqual([]);
  expect(outside.filter((ip) => holds(set, ip))).toEqual([]);
});

test("no IPv6 network holds an IPv4 address, and none of IPv4 an IPv6 address", () => {
  expect(holds(new AddressSet(["::/0"]), "10.1.2.3")).toBe(false);
  expect(holds(new AddressSet(["::/0"]), "::ffff:10.1.2.3")).toBe(false);
  expect(holds(new AddressSet(["0.0.0.0/0"]), "2001:db8::1")).toBe(false);
});

test("a network within another, or after it, hides nothing of it", () => {
  const set = new AddressSet(["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "9.255.255.255"]);
  expect(["10.200.0.1", "10.1.2.4", "9.255.255.255"].every((ip) => holds(set, ip))).toBe(true);
});

test("an empty set holds nothing", () => {
  expect(holds(new AddressSet([]), "10.1.2.3")).toBe(false);
});

test("what is no network is refused", () => {
  expect(() => new AddressSet(["10.0.0.0/8", "10.0.0.0/99"])).toThrow(RangeError);
});

test("membership is that of the networks one by one", () => {
  // Few enough bits that networks meet, hold one another and hold the addresses asked for.
  const ipv4 = fc
    .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }))
    .map(([a, b]) => `10.0.${a}.${b}`);
  const ipv6 = fc.integer({ min: 0, max: 15 }).map((n) => `2001:db8::${n.toString(16)}`);
  const cidr = fc.oneof(
    fc.tuple(ipv4, fc.integer({ min: 20, max: 32 })).map(([ip, length]) => `${ip}/${length}`),
    fc.tuple(ipv6, fc.integer({ min: 120, max: 128 })).map(([ip, length]) => `${ip}/${length}`),
  );
  fc.assert(
    fc.property(fc.array(cidr, { maxLength: 8 }), fc.oneof(ipv4, ipv6), (cidrs, ip) => {
      const { version, bits } = parseAddress(ip) ?? { version: 0, bits: 0n };
      const isIn = (text: string) => {
        const range = parseCidr(text);
        return range?.version === version && range.first <= bits && bits <= range.last;
      };
      expect(holds(new AddressSet(cidrs), ip)).toBe(cidrs.some(isIn));
    }),
  );
});
