// Requests that were admitted and that nobody ever settles, because the Worker died that was to.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AskedRegions, receiptOfFar } from "#edge/ledger/testing/asked-regions.ts";
import type { UsageEntry } from "#edge/ledger/usage-entry.ts";
import { UsageOutbox } from "#edge/ledger/usage-outbox.ts";
import type { AdmittingGate } from "./gate-address.ts";
import type { KeyRecord, KeyTerms } from "./key-record.ts";
import { testQuestion } from "./test-question.ts";

const leaseMs = 660_000;

let posted: UsageEntry[] = [];
let regions: AskedRegions;

beforeEach(() => {
  posted = [];
  vi.spyOn(UsageOutbox.prototype, "post").mockImplementation(async (entries) => void posted.push(...entries));
  regions = new AskedRegions((requestId) => requestId.startsWith("run"));
});
afterEach(() => vi.restoreAllMocks());

async function provisioned(keyId: string, terms: KeyTerms = { limits: { concurrentRequests: 100 } }) {
  const gate = env.KEY_GATE.getByName(keyId);
  const identity = { keyId, orgId: "org", projectId: "project", secretHash: "hash" };
  const record: KeyRecord = { ...identity, status: "active", createdAtMs: 0, ...terms };
  await gate.provision(record);
  return gate;
}

/** As if a gate had admitted these, so long ago, and slept since. */
async function slept(gate: AdmittingGate, requestIds: readonly string[], agoMs: number, ahead = {}): Promise<void> {
  const chargedAtMs = Date.now() - agoMs;
  const leases = requestIds.map((requestId) => {
    return { requestId, model: "pocket", tokens: 1_000, chargedAtMs, deadlineMs: chargedAtMs + leaseMs };
  });
  await runInDurableObject(gate, async (_, { storage }) => {
    storage.kv.put("quota", { meters: {}, leases: { leases, leaseMs, ...ahead } });
    await storage.setAlarm(Date.now() + 60_000);
  });
  await evictDurableObject(gate);
}

async function alarmOf(gate: AdmittingGate): Promise<number | null> {
  return runInDurableObject(gate, async (_, { storage }) => storage.getAlarm());
}

test("what they used gets into the ledger when their time is over, and those that no region ran do not", async () => {
  const gate = await provisioned("orphans");
  const ids = Array.from({ length: 60 }, (_, index) => `run-${index}`);
  await slept(gate, [...ids, "never-1"], leaseMs + 1_000);
  expect(await runDurableObjectAlarm(gate)).toBe(true);
  expect(posted.map(({ requestId }) => requestId)).toEqual(ids);
  const [entry] = posted;
  expect(entry).toMatchObject({ keyId: "orphans", orgId: "org", projectId: "project", model: "pocket", missing: [] });
  expect(entry?.receipts).toEqual([await receiptOfFar("run-0")]);
  expect(entry?.reservedTokens).toBe(1_000);
  expect(await alarmOf(gate)).toBeNull();
});

test("a gate that crashed charges those it knows by name once, when their own time is over", async () => {
  const gate = await provisioned("orphans-crashed");
  await slept(gate, ["run-1"], leaseMs + 1_000, { numSpare: 1 });
  await runDurableObjectAlarm(gate);
  expect(posted).toMatchObject([{ requestId: "run-1" }]);
  // What may have begun in its place has all the time that there is.
  expect(await alarmOf(gate)).toBeGreaterThan(Date.now() + leaseMs - 60_000);
  vi.useFakeTimers({ now: Date.now() + leaseMs + 2_000, toFake: ["Date"] });
  try {
    await runDurableObjectAlarm(gate);
  } finally {
    vi.useRealTimers();
  }
  expect(posted.length).toBe(1);
  expect(await alarmOf(gate)).toBeNull();
});

test("of a region that cannot be asked the receipt is missing, and the ledger asks again", async () => {
  regions.isNearThere = false;
  const gate = await provisioned("orphans-silent");
  await slept(gate, ["run-1"], leaseMs + 1_000);
  await runDurableObjectAlarm(gate);
  expect(posted).toMatchObject([{ requestId: "run-1", missing: ["near"], receipts: [await receiptOfFar("run-1")] }]);
});

test("regions in which the key's requests do not run are not asked", async () => {
  regions.isNearThere = false;
  const gate = await provisioned("orphans-bound", { limits: { concurrentRequests: 9 }, jurisdictions: ["jp"] });
  await slept(gate, ["run-1"], leaseMs + 1_000);
  await runDurableObjectAlarm(gate);
  expect(posted).toMatchObject([{ requestId: "run-1", missing: [] }]);
});

test("while they may still run they are left alone, and looked at again", async () => {
  const gate = await provisioned("orphans-young");
  await slept(gate, ["run-1"], leaseMs - 60_000);
  await runDurableObjectAlarm(gate);
  expect(posted).toEqual([]);
  expect(await alarmOf(gate)).toBeGreaterThan(Date.now());
});

test("a gate that wakes up for another request sees to them then", async () => {
  const gate = await provisioned("orphans-woken");
  await slept(gate, ["run-1"], leaseMs + 1_000);
  await gate.admit(testQuestion({ requestId: "next" }));
  await vi.waitFor(() => expect(posted).toMatchObject([{ requestId: "run-1" }]));
});

test("a gate sets one alarm, however many requests it admits, and none for those without reservations", async () => {
  const gate = await provisioned("orphans-alarm");
  await gate.admit(testQuestion({ requestId: "a" }));
  const alarmMs = await alarmOf(gate);
  expect(alarmMs).toBeGreaterThan(Date.now() + leaseMs - 60_000);
  await gate.admit(testQuestion({ requestId: "b" }));
  expect(await alarmOf(gate)).toBe(alarmMs);
  await gate.settle(["a", "b"].map((requestId) => ({ requestId, usedTokens: 1 })));
  await runDurableObjectAlarm(gate);
  expect([posted, await alarmOf(gate)]).toEqual([[], null]);
  const open = await provisioned("orphans-none", { limits: { requestsPerMinute: 100 } });
  await open.admit(testQuestion());
  expect(await alarmOf(open)).toBeNull();
});

test("a leased key's gate that slept asks its home whose they are", async () => {
  const keyId = "leased-orphans";
  await provisioned(keyId);
  const gate = env.CONTINENT_GATE.getByName(`${keyId}@EU`);
  await slept(gate, ["run-1"], leaseMs + 1_000);
  await runDurableObjectAlarm(gate);
  expect(posted).toMatchObject([{ requestId: "run-1", keyId, projectId: "project" }]);
});
