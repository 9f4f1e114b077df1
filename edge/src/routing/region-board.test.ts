import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RegionBoard } from "./region-board.ts";

let stub: DurableObjectStub<RegionBoard>;
let numPolls: number;
let isFarUp: boolean;

beforeEach(({ task }) => {
  // A board of its own for every test, as memory and storage outlive it.
  stub = env.REGION_BOARD.getByName(task.name);
  numPolls = 0;
  isFarUp = true;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    const { hostname, pathname } = new URL(input instanceof Request ? input.url : input);
    if (pathname !== "/status") throw new Error(`unexpected request for ${pathname}`);
    numPolls += 1;
    if (hostname === "far.test" && !isFarUp) throw new Error("connection refused");
    const load = { numRunning: 0, numWaiting: 0, numQueuedTokens: 0 };
    return Response.json({ region: hostname.replace(".test", ""), status: "ok", models: ["pocket"], ...load });
  });
});

afterEach(async () => {
  vi.useRealTimers();
  await runInDurableObject(stub, async (_, state) => state.storage.deleteAlarm());
  vi.restoreAllMocks();
});

async function alarmTime(): Promise<number | null> {
  return runInDurableObject(stub, async (_, state) => state.storage.getAlarm());
}

test("the first question polls every region once, and starts the polling", async () => {
  const reports = await stub.snapshot();
  expect(reports.map(({ regionId, kind }) => [regionId, kind])).toEqual([
    ["near", "answered"],
    ["far", "answered"],
  ]);
  await stub.snapshot();
  expect(numPolls).toBe(2);
  expect(await alarmTime()).toBeGreaterThan(Date.now());
});

test("questions that come together share one poll", async () => {
  await Promise.all([stub.snapshot(), stub.snapshot(), stub.snapshot()]);
  expect(numPolls).toBe(2);
});

test("an alarm finds out that a region is gone, and schedules the next", async () => {
  await stub.snapshot();
  isFarUp = false;
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect((await stub.snapshot()).map(({ kind }) => kind)).toEqual(["answered", "unreachable"]);
  expect(await alarmTime()).not.toBeNull();
});

test("polling stops when nobody has asked for a minute, and starts again with the next question", async () => {
  await stub.snapshot();
  vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ["Date"] });
  await runDurableObjectAlarm(stub);
  expect(numPolls).toBe(2);
  expect(await alarmTime()).toBeNull();
  await stub.snapshot();
  expect(numPolls).toBe(4);
  expect(await alarmTime()).not.toBeNull();
});
