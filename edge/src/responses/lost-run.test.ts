import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { testQuestion } from "#edge/auth/test-question.ts";
import type { LostRequest } from "#edge/ledger/lost-request.ts";
import { AskedRegions } from "#edge/ledger/testing/asked-regions.ts";
import type { StoredResponse } from "./stored-response.ts";

const queued: StoredResponse = {
  status: "in_progress",
  isBackground: true,
  response: '{"id":"resp_1"}',
  items: "[]",
  numInputItems: 0,
  expiresAtMs: Date.now() + 60_000,
};

let regions: AskedRegions;

beforeEach(() => {
  regions = new AskedRegions(() => true);
});
afterEach(() => vi.restoreAllMocks());

/** A response whose object is lost while it runs, for which 1,000 of 10,000 tokens are reserved. Returns what is left of these. */
async function lost(name: string, changes: Partial<LostRequest> = {}) {
  const [requestId, keyId] = [`req_${name}`, `lost-${name}`];
  const gate = env.KEY_GATE.getByName(keyId);
  const identity = { keyId, orgId: "org", projectId: "project", secretHash: "hash" };
  const limits = { tokensPerMonth: 10_000 };
  await gate.provision({ ...identity, status: "active", createdAtMs: 0, limits });
  await gate.admit(testQuestion({ requestId, demand: { promptTokens: 500, outputTokens: 500 } }));
  const store = env.RESPONSE_STORE.getByName(`lost-run-${name}`);
  const run: LostRequest = {
    requestId,
    principal: { keyId, orgId: "org", projectId: "project" },
    place: "elsewhere",
    model: "pocket",
    startedAtMs: Date.now(),
    reservedTokens: 1_000,
    isLeased: true,
    ...changes,
  };
  await store.keep(queued);
  await runInDurableObject(store, (_, { storage }) => storage.kv.put("run", run));
  await evictDurableObject(store);
  await runDurableObjectAlarm(store);
  expect((await store.read())?.status).toBe("failed");
  expect(await runInDurableObject(store, (_, { storage }) => storage.kv.get("run"))).toBeUndefined();
  const { report } = (await gate.admit(
    testQuestion({ requestId: "next", demand: { promptTokens: 0, outputTokens: 0 } }),
  )) as { report: { tokens: { remaining: number } } };
  return report.tokens.remaining;
}

test("a response whose object was lost is charged with what its region counted", async () => {
  expect(await lost("counted")).toBe(10_000 - 42);
  expect(regions.asked.toSorted()).toEqual(["far.test", "near.test"]);
});

test("where a region cannot say what it took, it counts as reserved", async () => {
  regions.isNearThere = false;
  expect(await lost("silent")).toBe(10_000 - 1_000);
});

test("regions that it may not have reached are not asked", async () => {
  regions.isNearThere = false;
  expect(await lost("bound", { jurisdictions: ["jp"] })).toBe(10_000 - 42);
  expect(regions.asked).toEqual(["far.test"]);
});
