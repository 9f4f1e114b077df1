import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { answer, refuse, type Script, ScriptedEngine } from "#ingress/fixtures/scripted-engine.ts";
import { TestRegion, until } from "#ingress/fixtures/test-region.ts";
import { createLogger } from "#platform/logger.ts";
import { systemClock } from "#platform/clock.ts";
import { Engine } from "./engine.ts";
import { chooseEngine, workAhead } from "./choose-engine.ts";

const idle = { numRunning: 0, numWaiting: 0, numQueuedTokens: 0, numSent: 0, numSentTokens: 0 };
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

/** Full, and says for how long. */
function refuseFor(ms: string): Script {
  return (call) => refuse(call, status.RESOURCE_EXHAUSTED, "full", { "sluice-retry-after-ms": ms });
}

async function ask(): Promise<{ status: number; reply: string }> {
  const response = await region.post("/v1/chat/completions", hello);
  return { status: response.status, reply: await response.text() };
}

describe("choosing", () => {
  test.each([
    ["nobody, of none", [], undefined],
    ["the first of equals", [idle, idle], 0],
    [
      "fewer sequences",
      [
        { ...idle, numRunning: 2 },
        { ...idle, numWaiting: 1 },
      ],
      1,
    ],
    [
      "fewer queued tokens",
      [
        { ...idle, numQueuedTokens: 500 },
        { ...idle, numRunning: 1 },
      ],
      1,
    ],
    ["what was sent since the last report counts", [{ ...idle, numSent: 1, numSentTokens: 9 }, idle], 1],
  ])("takes %s", (_, loads, expected) => {
    const candidates = loads.map((load) => ({ load }));
    const chosen = chooseEngine(candidates);
    expect(chosen && candidates.indexOf(chosen)).toBe(expected);
  });

  test("work grows with everything that is ahead", () => {
    for (const key of ["numRunning", "numWaiting", "numQueuedTokens", "numSent", "numSentTokens"] as const) {
      expect(workAhead({ ...idle, [key]: 1 })).toBeGreaterThan(workAhead(idle));
    }
  });

  test("follows the engines' reports", async () => {
    first.report({ numRunning: 3 });
    await until(() => region.pool.load.numRunning === 3);
    await ask();
    expect([first.requests.length, second.requests.length]).toEqual([0, 1]);
  });

  test("spreads a burst between two reports", async () => {
    first.script = second.script = (call) => void setTimeout(() => answer(call, [[65]]), 100);
    await Promise.all(Array.from({ length: 8 }, ask));
    expect([first.requests.length, second.requests.length]).toEqual([4, 4]);
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
    const engine = new Engine(other.address, "tiny", systemClock, Math.random, createLogger("test", "silent"));
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
    expect(await ask()).toMatchObject({ status: 503, reply: expect.stringContaining("overloaded") });
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
    const replies = Promise.all([ask(), ask()]);
    await until(() => first.requests.length === 1 && second.requests.length === 1);
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
    expect(await (await region.get("/status")).json()).toMatchObject({ status: "down", numRunning: 0 });
    expect((await fetch(`${region.url}/health`)).status).toBe(503);
  });
});
