import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

let numPolls: number;
let isFarUp: boolean;

beforeEach(() => {
  numPolls = 0;
  isFarUp = true;
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    const { hostname, pathname } = new URL(String(input));
    expect(pathname).toBe("/status");
    numPolls += 1;
    if (hostname === "far.test" && !isFarUp) throw new Error("connection refused");
    const load = { numRunning: 0, numWaiting: 0, numQueuedTokens: 0 };
    return Response.json({ region: hostname.replace(".test", ""), status: "ok", models: ["pocket"], ...load });
  });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Each test has a board of its own, as storage and memory outlive a test. */
function board(name: string) {
  return env.REGION_BOARD.getByName(name);
}

async function alarmOf(stub: ReturnType<typeof board>): Promise<number | null> {
  return runInDurableObject(stub, async (_, state) => state.storage.getAlarm());
}

test("the first question polls every region once, and starts the polling", async () => {
  const stub = board("first");
  const reports = await stub.snapshot();
  expect(reports.map(({ regionId, kind }) => [regionId, kind])).toEqual([
    ["near", "answered"],
    ["far", "answered"],
  ]);
  await stub.snapshot();
  expect(numPolls).toBe(2);
  expect(await alarmOf(stub)).toBeGreaterThan(Date.now());
});

test("questions that come together share one poll", async () => {
  const stub = board("together");
  await Promise.all([stub.snapshot(), stub.snapshot(), stub.snapshot()]);
  expect(numPolls).toBe(2);
});

test("an alarm finds out that a region is gone, and schedules the next", async () => {
  const stub = board("alarm");
  await stub.snapshot();
  isFarUp = false;
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect((await stub.snapshot()).map(({ kind }) => kind)).toEqual(["answered", "unreachable"]);
  expect(await alarmOf(stub)).not.toBeNull();
});

test("polling stops when nobody has asked for a minute, and starts again with the next question", async () => {
  const stub = board("idle");
  await stub.snapshot();
  vi.useFakeTimers({ now: Date.now() + 61_000, toFake: ["Date"] });
  await runDurableObjectAlarm(stub);
  expect(numPolls).toBe(2);
  expect(await alarmOf(stub)).toBeNull();
  await stub.snapshot();
  expect(numPolls).toBe(4);
  expect(await alarmOf(stub)).not.toBeNull();
});
