import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { answer, type GenerateCall, refuse, type Script, ScriptedEngine } from "#ingress/fixtures/scripted-engine.ts";
import { TestRegion, until } from "#ingress/fixtures/test-region.ts";
import { createLogger } from "#platform/logger.ts";
import { systemClock } from "#platform/clock.ts";
import { Engine } from "./engine.ts";
import { PromptBlocks } from "./prompt-blocks.ts";

const hello = { model: "tiny", messages: [{ role: "user", content: "hi" }], stream: true };

let first: ScriptedEngine;
let second: ScriptedEngine;
let region: TestRegion;

beforeEach(async () => {
  first = new ScriptedEngine();
  second = new ScriptedEngine();
  await Promise.all([first.start(), second.start()]);
  region = await TestRegion.start([first, second]);
});

afterEach(async () => {
  await region.stop();
  first.kill();
  second.kill();
});

/** Full of the caller's own requests. */
function refuseOwn(): Script {
  return (call) => refuse(call, status.RESOURCE_EXHAUSTED, "full", { "sluice-error-code": "rate_limit_exceeded" });
}

/** Full, and says for how long. */
function refuseFor(ms: string): Script {
  return (call) => refuse(call, status.RESOURCE_EXHAUSTED, "full", { "sluice-retry-after-ms": ms });
}

async function ask(): Promise<{ status: number; reply: string }> {
  const response = await region.post("/v1/chat/completions", hello);
  return { status: response.status, reply: await response.text() };
}

describe("choosing", () => {
  test("follows the engines' reports", async () => {
    first.report({ numRunning: 3 });
    await until(() => region.pool.load.numRunning === 3);
    await ask();
    expect([first.requests.length, second.requests.length]).toEqual([0, 1]);
  });

  test("spreads a burst between two reports", async () => {
    const calls: GenerateCall[] = [];
    first.script = second.script = (call) => void calls.push(call);
    const replies = Promise.all(Array.from({ length: 8 }, ask));
    await until(() => calls.length === 8);
    for (const call of calls) answer(call, [[65]]);
    await replies;
    expect([first.requests.length, second.requests.length]).toEqual([4, 4]);
  });

  test("goes where the prompt's first blocks are, until they are gone", async () => {
    await ask();
    const sent = first.requests[0]!;
    const names = new PromptBlocks(sent).names(16);
    expect(names.length).toBeGreaterThan(0);
    // Busy enough for the prompt not to go there for nothing.
    second.report({ numQueuedTokens: 10, pace: { prefillMsPerToken: 1 } });
    first.report({ pace: { prefillMsPerToken: 1 } });
    first.tellCache([], { restarts: true, evicted: names });
    second.tellCache(names, { restarts: true });
    await until(() => region.pool.engines[1]?.numKnownBlocks === names.length);
    await ask();
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
    second.tellCache([], { evicted: names });
    await until(() => region.pool.engines[1]?.numKnownBlocks === 0);
    await ask();
    const lines = (await region.registry.metrics()).split("\n");
    expect(lines).toContain('sluice_ingress_engine_picks_total{reason="prefix"} 1');
    expect(lines).toContain('sluice_ingress_engine_picks_total{reason="expected_time"} 1');
  });

  test("watches anew when it missed cache events, and serves on meanwhile", async () => {
    second.tellCache(["12345678"], { restarts: true });
    await until(() => region.pool.engines[1]?.numKnownBlocks === 1);
    second.tellCache(["abcdefgh"], { numMissed: 1 });
    await until(() => region.pool.engines[1]?.numKnownBlocks === 0);
    expect(region.pool.engines[1]?.isServing).toBe(true);
    await until(() => second.numWatches === 2);
    second.tellCache(["abcdefgh"], { restarts: true });
    await until(() => region.pool.engines[1]?.numKnownBlocks === 1);
    expect(second.numIntroductions).toBe(1);
  });

  test("a Watch that hangs is opened anew: the engine serves again, and what it tells is heard", async () => {
    const hanging = new ScriptedEngine();
    await hanging.start();
    const logger = createLogger("test", "silent");
    const parts = { modelId: "tiny", maxKnownBlocks: 10, clock: systemClock, random: Math.random, logger };
    const engine = new Engine(hanging.address, parts, 2_000);
    void engine.follow();
    await until(() => engine.isServing);
    hanging.hangWatches();
    await until(() => !engine.isServing);
    await until(() => engine.isServing);
    expect(hanging.numWatches).toBeGreaterThan(1);
    hanging.tellCache(["12345678"], { restarts: true });
    await until(() => engine.numKnownBlocks === 1);
    engine.close();
    hanging.kill();
  });

  test("an engine that leaves gets nothing new, and finishes what it has", async () => {
    first.script = (call) => void setTimeout(() => answer(call, [[65]]), 200);
    const running = ask();
    await until(() => first.requests.length === 1);
    region.pool.setAddresses([second.address]);
    expect(region.pool.engines.map(({ address }) => address)).toEqual([second.address]);
    await ask();
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
    expect(await running).toMatchObject({ status: 200, reply: expect.stringContaining("[DONE]") });
    region.pool.setAddresses([second.address, first.address]);
    await until(() => region.pool.engines.every((engine) => engine.isServing));
  });

  test("passes over an engine that drains", async () => {
    first.report({ draining: true });
    await until(() => region.pool.engines[0]?.isServing === false);
    await ask();
    expect([first.requests.length, second.requests.length]).toEqual([0, 1]);
  });

  test("never serves with an engine of another model, however often it asks", async () => {
    const other = new ScriptedEngine("other");
    await other.start();
    const logger = createLogger("test", "silent");
    const parts = { modelId: "tiny", maxKnownBlocks: 0, clock: systemClock, random: Math.random, logger };
    const engine = new Engine(other.address, parts);
    void engine.follow();
    await until(() => other.numIntroductions === 3);
    expect(engine.isServing).toBe(false);
    engine.close();
    other.kill();
  });
});

describe("before the first token", () => {
  test.each([
    ["full", status.RESOURCE_EXHAUSTED],
    ["draining", status.UNAVAILABLE],
  ])("an engine that is %s passes the request on", async (_, code) => {
    first.script = (call) => refuse(call, code);
    second.script = (call) => answer(call, [[65]]);
    expect(await ask()).toMatchObject({ status: 200, reply: expect.stringContaining("[DONE]") });
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
  });

  test("an engine that dies passes the request on", async () => {
    first.script = () => first.kill();
    second.script = (call) => answer(call, [[65]]);
    expect(await ask()).toMatchObject({ status: 200, reply: expect.stringContaining("[DONE]") });
  });

  test("each engine is asked once; when all are full the answer says so", async () => {
    first.script = second.script = (call) => refuse(call, status.RESOURCE_EXHAUSTED);
    expect(await ask()).toMatchObject({ status: 503, reply: expect.stringContaining("server_is_overloaded") });
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
  });

  test("when all are full the answer says which has room first, whoever was asked first", async () => {
    for (const [one, other] of [
      ["300", "900"],
      ["900", "300"],
    ] as const) {
      [first.script, second.script] = [refuseFor(one), refuseFor(other)];
      const { headers } = await region.post("/v1/chat/completions", hello);
      expect(headers.get("retry-after-ms")).toBe("300");
    }
  });

  test("when one is full and one is full of the caller's own, the caller hears of its own", async () => {
    for (const scripts of [
      [refuseFor("100"), refuseOwn()],
      [refuseOwn(), refuseFor("100")],
    ] as const) {
      [first.script, second.script] = scripts;
      expect(await ask()).toMatchObject({ status: 429, reply: expect.stringContaining("rate_limit_exceeded") });
    }
  });

  test("a failure that another engine would repeat is not passed on", async () => {
    first.script = (call) => refuse(call, status.INTERNAL);
    expect(await ask()).toMatchObject({ status: 500 });
    expect(second.requests).toHaveLength(0);
  });
});

describe("death", () => {
  test("in the middle of streams ends those with an error, and no others", async () => {
    first.script = (call) => call.write({ tokenIds: [65] });
    second.script = (call) => void setTimeout(() => answer(call, [[66]]), 400);
    const toFirst = ask();
    await until(() => first.requests.length === 1);
    first.report({ numRunning: 9 });
    await until(() => region.pool.load.numRunning === 9);
    const replies = Promise.all([toFirst, ask()]);
    await until(() => second.requests.length === 1);
    setTimeout(() => first.kill(), 100);
    const [lost, kept] = await replies;
    expect(lost?.reply).toContain("upstream_error");
    expect(lost?.reply).not.toContain("[DONE]");
    expect(kept?.reply).toContain("[DONE]");
  });

  test("is noticed, and so is the return", async () => {
    first.kill();
    await until(() => region.pool.engines[0]?.isServing === false);
    expect(await region.registry.metrics()).toContain(`sluice_ingress_engine_up{engine="${first.address}"} 0`);
    expect((await ask()).status).toBe(200);
    await first.start();
    await until(() => region.pool.engines[0]?.isServing === true);
    expect(await region.registry.metrics()).toContain(`sluice_ingress_engine_up{engine="${first.address}"} 1`);
    second.report({ numRunning: 9 });
    await until(() => region.pool.load.numRunning === 9);
    await ask();
    expect(first.requests).toHaveLength(1);
  });

  test("of all leaves a region that says so", async () => {
    first.kill();
    second.kill();
    await until(() => !region.pool.isServing);
    expect(await ask()).toMatchObject({ status: 503, reply: expect.stringContaining("unavailable") });
    const down = { status: "down", numRunning: 0 };
    expect(await (await region.get("/status")).json()).toMatchObject({ ...down, engines: [down, down] });
    expect((await fetch(`${region.url}/health`)).status).toBe(503);
  });
});
