import { beforeEach, expect, test } from "vitest";
import { IssuerKeys } from "./issuer-keys.ts";
import type { PublicKey } from "./key-set.ts";

let nowMs: number;
let numFetches: number;
let published: string[];
let isUp: boolean;
let keys: IssuerKeys;

function key(kid: string): PublicKey {
  return { kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", kid };
}

beforeEach(() => {
  nowMs = 1_000_000;
  numFetches = 0;
  published = ["a"];
  isUp = true;
  const fetchKeys = async () => {
    numFetches += 1;
    if (!isUp) throw new Error("connection refused");
    return published.map(key);
  };
  keys = new IssuerKeys(fetchKeys, () => nowMs, undefined);
});

async function kidsFor(kid: string | undefined) {
  return (await keys.find(kid))?.keys.map((one) => one.kid);
}

test("tokens that come together share one fetch", async () => {
  const found = await Promise.all(Array.from({ length: 50 }, async (_, n) => kidsFor(n % 2 === 0 ? "a" : undefined)));
  expect(new Set(found.flat())).toEqual(new Set(["a"]));
  expect(numFetches).toBe(1);
});

test("a new key is found when a token names it", async () => {
  await kidsFor("a");
  published = ["a", "b"];
  nowMs += 30_000;
  expect(await kidsFor("b")).toEqual(["a", "b"]);
});

test("a flood of unknown kids is worth one fetch in thirty seconds", async () => {
  for (let second = 0; second < 300; second += 1) {
    for (let n = 0; n < 20; n += 1) await kidsFor(`unknown-${second}-${n}`);
    nowMs += 1_000;
  }
  expect(numFetches).toBe(10);
});

test("old keys are fetched again behind the request, and a withdrawn one is gone", async () => {
  await kidsFor("a");
  published = ["b"];
  nowMs += 11 * 60_000;
  expect(await kidsFor("a")).toEqual(["a"]);
  await Promise.resolve();
  expect(await kidsFor(undefined)).toEqual(["b"]);
});

test("an issuer that is down is believed for a day", async () => {
  await kidsFor("a");
  isUp = false;
  nowMs += 23 * 3_600_000;
  expect(await kidsFor("a")).toEqual(["a"]);
  nowMs += 2 * 3_600_000;
  expect(await kidsFor("a")).toBeUndefined();
  isUp = true;
  nowMs += 30_000;
  expect(await kidsFor("a")).toEqual(["a"]);
});

test("an issuer that was never reached has no keys, and is asked again after the cool-down only", async () => {
  isUp = false;
  expect(await kidsFor("a")).toBeUndefined();
  isUp = true;
  expect(await kidsFor("a")).toBeUndefined();
  expect(numFetches).toBe(1);
  nowMs += 30_000;
  expect(await kidsFor("a")).toEqual(["a"]);
});
