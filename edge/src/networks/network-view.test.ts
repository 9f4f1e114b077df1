import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { NetworkView } from "./network-view.ts";

const inside = "10.1.2.3";
const outside = "192.0.2.1";

let numBoards = 0;

/** A view of a board of its own, the hops to it counted, and its clock. */
function view() {
  numBoards += 1;
  const name = `view-test-${numBoards}`;
  const clock = { nowMs: 1_000_000 };
  const hops = { count: 0, areBroken: false };
  const namespace: typeof env.NETWORK_BOARD = new Proxy(env.NETWORK_BOARD, {
    get: (target) => () => {
      hops.count += 1;
      return hops.areBroken
        ? { snapshot: async () => Promise.reject(new Error("unreachable")) }
        : target.getByName(name);
    },
  });
  const background: Promise<void>[] = [];
  const networks = new NetworkView(namespace, 1_000, () => clock.nowMs);
  const barredFrom = async (ip: string | undefined) => networks.barredFrom(ip, (work) => void background.push(work));
  const settled = async () => Promise.all(background);
  return { clock, hops, barredFrom, settled, board: env.NETWORK_BOARD.getByName(name), networks };
}

test("those are barred whose lists do not hold the address", async () => {
  const { barredFrom, board } = view();
  await board.set("project-a", { allowlist: ["10.0.0.0/8"] });
  await board.set("project-b", { denylist: ["10.0.0.0/8"] });
  await board.set("organization", { denylist: ["192.0.2.0/24"] });
  expect(await barredFrom(inside)).toEqual(["project-b"]);
  expect(await barredFrom(outside)).toEqual(["project-a", "organization"]);
  expect(await barredFrom(undefined)).toEqual(["project-a"]);
});

test("the first request waits for the board, the next ones do not ask it", async () => {
  const { barredFrom, hops, clock } = view();
  for (let n = 0; n < 5; n += 1) {
    clock.nowMs += 300;
    expect(await barredFrom(outside)).toEqual([]);
  }
  expect(hops.count).toBe(1);
});

test("a change is known after two seconds, behind the request that finds it due", async () => {
  const { barredFrom, board, clock, settled } = view();
  expect(await barredFrom(outside)).toEqual([]);
  await board.set("project", { allowlist: ["10.0.0.0/8"] });
  clock.nowMs += 2_001;
  expect(await barredFrom(outside)).toEqual([]);
  await settled();
  expect(await barredFrom(outside)).toEqual(["project"]);
});

test("a request that comes after a minute waits for what is true now", async () => {
  const { barredFrom, board, clock } = view();
  await barredFrom(outside);
  await board.set("project", { allowlist: ["10.0.0.0/8"] });
  clock.nowMs += 60_001;
  expect(await barredFrom(outside)).toEqual(["project"]);
});

test("while the board is silent what is known holds for a minute, and then nobody is let in", async () => {
  const { barredFrom, board, clock, hops, settled } = view();
  await board.set("project", { allowlist: ["10.0.0.0/8"] });
  await barredFrom(outside);
  hops.areBroken = true;
  clock.nowMs += 59_000;
  expect(await barredFrom(outside)).toEqual(["project"]);
  await settled();
  clock.nowMs += 2_000;
  await expect(barredFrom(outside)).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 1_000 });
});

test("what is set here holds here at once", async () => {
  const { barredFrom, networks } = view();
  await barredFrom(outside);
  await networks.set("project", { allowlist: ["10.0.0.0/8"] });
  expect(await barredFrom(outside)).toEqual(["project"]);
});
