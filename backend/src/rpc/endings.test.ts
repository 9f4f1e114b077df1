import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkHealth } from "./check-health.ts";
import { type FakeEngine, startFakeEngine } from "./fake-engine.ts";
import { generateRequest, startGenerate, startWatch, untilEnd } from "./loopback-engine.ts";

const endless = { stopping: { maxTokens: 100_000, stopTokenIds: [] } };

let loopback: FakeEngine["loopback"];
let client: FakeEngine["client"];
let steps: FakeEngine["steps"];

beforeEach(async () => {
  ({ loopback, client, steps } = await startFakeEngine());
  await loopback.load();
});
afterEach(() => loopback.close());

test("a cancelled call frees its blocks", async () => {
  const call = startGenerate(client, generateRequest("a", endless));
  const ended = untilEnd(call);
  await loopback.untilLoad(({ totals }) => totals.generationTokens > 10);
  call.cancel();
  expect((await ended).error?.code).toBe(status.CANCELLED);
  await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 1 && numFreeBlocks === 4096);
});

test("a deadline that passes ends the call and frees its blocks", async () => {
  const deadline = Date.now() + 50;
  const { error } = await untilEnd(startGenerate(client, generateRequest("a", endless), { deadline }));
  expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
  await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 1 && numFreeBlocks === 4096);
});

test("a deadline that passes while the call waits ends it and gives its place back", async () => {
  const running = [0, 1, 2, 3].map((id) => startGenerate(client, generateRequest(`${id}`, endless)));
  for (const call of running) call.on("error", () => {}).resume();
  await loopback.untilLoad(({ numRunning }) => numRunning === 4);
  const deadline = Date.now() + 50;
  const { error, tokenIds } = await untilEnd(startGenerate(client, generateRequest("waits", {}), { deadline }));
  expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
  expect(tokenIds).toEqual([]);
  await loopback.untilLoad(({ totals, numWaiting }) => totals.ended.abort === 1 && numWaiting === 0);
  for (const call of running) call.cancel();
  await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 5 && numFreeBlocks === 4096);
});

test("a step that fails ends the call with INTERNAL", async () => {
  steps.fail(new Error("device lost"));
  const { error } = await untilEnd(startGenerate(client, generateRequest("a")));
  expect(error).toMatchObject({ code: status.INTERNAL, details: "device lost" });
});

test("when the engine dies its calls end with UNAVAILABLE and health says so", async () => {
  const hold = steps.hold();
  const call = untilEnd(startGenerate(client, generateRequest("a")));
  await hold.reached;
  loopback.engineClient.fail("the thread is gone");
  expect((await call).error?.code).toBe(status.UNAVAILABLE);
  expect(await checkHealth(client)).toBe("NOT_SERVING");
  hold.release();
});

describe("drain", () => {
  test("refuses new calls, lets the open ones finish, and ends the watches", async () => {
    const hold = steps.hold();
    const watch = startWatch(client, 1);
    const watched: boolean[] = [];
    const watchEnded = new Promise((resolve) => watch.on("end", resolve));
    watch.on("data", ({ draining }) => watched.push(draining));
    const open = untilEnd(startGenerate(client, generateRequest("open")));
    await hold.reached;
    const drained = loopback.server.drain(60_000);
    expect(await checkHealth(client)).toBe("NOT_SERVING");
    expect((await untilEnd(startGenerate(client, generateRequest("late")))).error?.code).toBe(status.UNAVAILABLE);
    hold.release();
    expect((await open).tokenIds).toHaveLength(5);
    await drained;
    await watchEnded;
    expect(watched.at(-1)).toBe(true);
  });

  test("lets what waits finish too", async () => {
    const hold = steps.hold();
    const calls = [0, 1, 2, 3, 4, 5].map((id) => untilEnd(startGenerate(client, generateRequest(`${id}`))));
    await hold.reached;
    const drained = loopback.server.drain(60_000);
    hold.release();
    for (const { error, tokenIds } of await Promise.all(calls)) {
      expect(error).toBeUndefined();
      expect(tokenIds).toHaveLength(5);
    }
    await drained;
  });

  test("ends what is left after the grace with UNAVAILABLE", async () => {
    const call = startGenerate(client, generateRequest("a", endless));
    const ended = untilEnd(call);
    await loopback.untilLoad(({ totals }) => totals.generationTokens > 10);
    await loopback.server.drain(1);
    expect((await ended).error?.code).toBe(status.UNAVAILABLE);
    await loopback.untilLoad(({ numFreeBlocks }) => numFreeBlocks === 4096);
  });
});
