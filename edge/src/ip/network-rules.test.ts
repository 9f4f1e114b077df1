import { expect, test } from "vitest";
import { NetworkRules } from "./network-rules.ts";

test.each([
  { lists: {}, ip: "10.1.2.3", may: true },
  { lists: {}, ip: undefined, may: true },
  { lists: { allowlist: ["10.0.0.0/8"] }, ip: "10.1.2.3", may: true },
  { lists: { allowlist: ["10.0.0.0/8"] }, ip: "11.1.2.3", may: false },
  { lists: { allowlist: ["10.0.0.0/8"] }, ip: undefined, may: false },
  { lists: { allowlist: [] }, ip: "10.1.2.3", may: false },
  { lists: { denylist: ["10.0.0.0/8"] }, ip: "::ffff:10.1.2.3", may: false },
  { lists: { denylist: ["10.0.0.0/8"] }, ip: undefined, may: true },
  { lists: { allowlist: ["10.0.0.0/8"], denylist: ["10.1.0.0/16"] }, ip: "10.1.2.3", may: false },
  { lists: { allowlist: ["0.0.0.0/0", "::/0"] }, ip: "no address", may: false },
])("under $lists $ip may enter: $may", ({ lists, ip, may }) => {
  expect(new NetworkRules(lists).mayEnter(ip)).toBe(may);
});
