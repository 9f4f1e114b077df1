import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";

let numBoards = 0;

function board() {
  numBoards += 1;
  return env.NETWORK_BOARD.getByName(`board-test-${numBoards}`);
}

function networks(length: number): string[] {
  return Array.from({ length }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`);
}

test("lists are told whole, until who asks has them, and outlive the board's sleep", async () => {
  const one = board();
  expect(await one.snapshot(undefined)).toEqual({ revision: 0, owners: [] });
  const lists = { allowlist: ["10.0.0.0/8"], denylist: ["10.1.0.0/16"] };
  await one.set("project", lists);
  await one.set("organization", { denylist: [] });
  const owners = [
    { ownerId: "project", lists },
    { ownerId: "organization", lists: { denylist: [] } },
  ];
  const told = await one.snapshot(0);
  expect(told).toEqual({ revision: 2, owners });
  expect(await one.snapshot(2)).toBeUndefined();
  await evictDurableObject(one);
  expect((await one.snapshot(undefined))?.owners.length).toBe(2);
  expect(await one.snapshot(2)).toBeUndefined();
  expect(await one.listsOf("project")).toEqual(lists);
});

test("lists that are lifted are gone", async () => {
  const one = board();
  await one.set("project", { allowlist: ["10.0.0.0/8"] });
  await one.set("project", {});
  expect(await one.listsOf("project")).toEqual({});
  expect((await one.snapshot(undefined))?.owners).toEqual([]);
});

test("of all owners together no more networks are kept than isolates can hold", async () => {
  const one = board();
  expect(await one.set("a", { allowlist: networks(10_000) })).toBe(true);
  expect(await one.set("b", { denylist: networks(10_000) })).toBe(true);
  expect(await one.set("c", { denylist: networks(1) })).toBe(false);
  expect(await one.listsOf("c")).toEqual({});
  expect(await one.set("b", { denylist: networks(9_999) })).toBe(true);
  expect(await one.set("c", { denylist: networks(1) })).toBe(true);
});
