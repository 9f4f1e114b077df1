import { evictDurableObject, listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { AdmissionQuestion } from "./admission.ts";
import type { KeyGate } from "./key-gate.ts";
import type { KeyRecord } from "./key-record.ts";

const question: AdmissionQuestion = {
  requestId: "req",
  secretHash: "hash",
  scope: "inference",
  ip: undefined,
  model: "pocket",
  serviceTier: "default",
  demand: { promptTokens: 5, outputTokens: 5 },
};

function recordOf(keyId: string): KeyRecord {
  return { keyId, orgId: "org", projectId: "project", secretHash: "hash", status: "active", createdAtMs: 0 };
}

async function provisioned(keyId: string): Promise<DurableObjectStub<KeyGate>> {
  const gate = env.KEY_GATE.getByName(keyId);
  await gate.provision(recordOf(keyId));
  return gate;
}

async function stored(gate: DurableObjectStub<KeyGate>): Promise<unknown[]> {
  return runInDurableObject(gate, (_, state) => [...state.storage.kv.list()]);
}

test("an unknown key is refused and leaves nothing in storage", async () => {
  const gate = env.KEY_GATE.getByName("never-provisioned");
  expect(await gate.admit(question)).toEqual({ kind: "refused", reason: "unknown_key" });
  expect(await gate.revoke("project")).toBe(false);
  expect(await stored(gate)).toEqual([]);
  expect(await runInDurableObject(gate, (_, state) => state.storage.getAlarm())).toBeNull();
});

test("a provisioned key is admitted, also by a gate that was asleep", async () => {
  const gate = await provisioned("sleeper");
  expect(await gate.admit(question)).toMatchObject({ kind: "admitted", principal: { keyId: "sleeper" } });
  await evictDurableObject(gate);
  expect(await gate.admit(question)).toMatchObject({ kind: "admitted", principal: { keyId: "sleeper" } });
});

test("admission writes nothing", async () => {
  const gate = await provisioned("reader");
  const sizeBytes = await runInDurableObject(gate, (_, state) => state.storage.sql.databaseSize);
  for (let count = 0; count < 50; count += 1) await gate.admit(question);
  expect(await runInDurableObject(gate, (_, state) => state.storage.sql.databaseSize)).toBe(sizeBytes);
  expect(await stored(gate)).toEqual([["record", recordOf("reader")]]);
});

test("a revoked key is refused from the next question on, and stays so through sleep", async () => {
  const gate = await provisioned("revoked");
  expect(await gate.revoke("project")).toBe(true);
  expect(await gate.admit(question)).toEqual({ kind: "refused", reason: "revoked" });
  await evictDurableObject(gate);
  expect(await gate.admit(question)).toEqual({ kind: "refused", reason: "revoked" });
  expect(await gate.revoke("project")).toBe(true);
});

test("another project cannot revoke a key", async () => {
  const gate = await provisioned("guarded");
  expect(await gate.revoke("another-project")).toBe(false);
  expect(await gate.admit(question)).toMatchObject({ kind: "admitted" });
});

test("a gate takes one key in its life", async () => {
  const gate = await provisioned("taken");
  await runInDurableObject(gate, (instance) => {
    expect(() => instance.provision(recordOf("taken"))).toThrow("already has a key");
  });
});

test("a discarded key is as if it had never been", async () => {
  const gate = await provisioned("discarded");
  await gate.discard();
  expect(await gate.admit(question)).toEqual({ kind: "refused", reason: "unknown_key" });
  expect(await stored(gate)).toEqual([]);
  expect(await listDurableObjectIds(env.KEY_GATE)).not.toContainEqual(env.KEY_GATE.idFromName("never-asked"));
});
