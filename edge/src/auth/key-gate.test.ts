import { evictDurableObject, listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Limits } from "#edge/rate-limit/limits.ts";
import { testQuestion } from "./test-question.ts";
import type { KeyGate } from "./key-gate.ts";
import type { KeyRecord } from "./key-record.ts";

const question = testQuestion();

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
  // The first one remembers that the ceilings above have no limits.
  await gate.admit(question);
  const sizeBytes = await runInDurableObject(gate, (_, state) => state.storage.sql.databaseSize);
  for (let count = 0; count < 50; count += 1) await gate.admit(question);
  expect(await runInDurableObject(gate, (_, state) => state.storage.sql.databaseSize)).toBe(sizeBytes);
  expect(await stored(gate)).toEqual([
    ["record", recordOf("reader")],
    ["unlimited", ["project:project", "organization:org"]],
  ]);
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

async function limited(keyId: string, limits: Limits): Promise<DurableObjectStub<KeyGate>> {
  const gate = env.KEY_GATE.getByName(keyId);
  await gate.provision({ ...recordOf(keyId), limits });
  return gate;
}

/** Ends the object as a lost machine would: no handler runs, only what is on disk is left. */
async function crash(gate: DurableObjectStub<KeyGate>): Promise<DurableObjectStub<KeyGate>> {
  await runInDurableObject(gate, (_, state) => state.abort("crash")).catch(() => undefined);
  return env.KEY_GATE.get(gate.id);
}

async function admitMany(gate: DurableObjectStub<KeyGate>, count: number, name: string): Promise<string[]> {
  const asked = Array.from({ length: count }, async (_, index) => {
    return (await gate.admit({ ...question, requestId: `${name}-${index}` })).kind;
  });
  return Promise.all(asked);
}

test.each([
  { limits: { requestsPerMinute: 17 } },
  { limits: { requestsPerDay: 17 } },
  { limits: { tokensPerMonth: 17 * 10 + 9 } },
  { limits: { concurrentRequests: 17 } },
])(
  "200 at once against $limits: exactly 17 are admitted, and none more after a gate lost its memory",
  async ({ limits }) => {
    let gate = await limited(`burst-${Object.keys(limits)[0]}`, limits);
    const kinds = await admitMany(gate, 200, "first");
    expect(kinds.filter((kind) => kind === "admitted")).toHaveLength(17);
    gate = await crash(gate);
    expect(await admitMany(gate, 20, "second")).not.toContain("admitted");
  },
);

test("a gate that crashed in the midst of things still knows whom to settle", async () => {
  let gate = await limited("settler", { tokensPerMonth: 100, concurrentRequests: 2 });
  await admitMany(gate, 2, "req");
  gate = await crash(gate);
  const settlement = { requestId: "req-0", usedTokens: 4 };
  expect(await gate.settle([settlement, settlement])).toEqual([true, false]);
  expect(await gate.settle([settlement])).toEqual([false]);
  const admission = await gate.admit({ ...question, demand: { promptTokens: 1_000, outputTokens: 0 } });
  expect(admission).toMatchObject({ kind: "limited", refusal: { kind: "never" } });
});

test("most admissions write nothing", async () => {
  const gate = await limited("thrifty", {
    requestsPerMinute: 6_000,
    tokensPerMinute: 1_000_000,
    concurrentRequests: 100,
  });
  let numWrites = 0;
  await runInDurableObject(gate, (_, state) => {
    const put = state.storage.kv.put.bind(state.storage.kv);
    state.storage.kv.put = (...written) => {
      numWrites += 1;
      put(...written);
    };
  });
  for (let index = 0; index < 300; index += 1) {
    const requestId = `req-${index}`;
    expect((await gate.admit({ ...question, requestId })).kind).toBe("admitted");
    await gate.settle([{ requestId, usedTokens: 7 }]);
  }
  expect(numWrites).toBeGreaterThan(0);
  expect(numWrites).toBeLessThan(6);
});

test("terms change at once, what was used stays used, and only the key's own project changes them", async () => {
  const gate = await limited("changing", { requestsPerMinute: 1 });
  expect(await admitMany(gate, 2, "a")).toEqual(["admitted", "limited"]);
  const change = { terms: { limits: { requestsPerMinute: 3 } }, expiresAtMs: undefined };
  expect(await gate.change("another-project", change)).toBe(false);
  expect(await gate.change("project", change)).toBe(true);
  expect(await admitMany(gate, 3, "b")).toEqual(["admitted", "admitted", "limited"]);
});

test("a rotated key takes both secrets until the overlap ends, and then only the new one", async () => {
  const gate = await provisioned("rotated");
  const askWith = async (secretHash: string) => {
    const admission = await gate.admit({ ...question, credential: { kind: "secret", keyId: "rotated", secretHash } });
    return admission.kind === "refused" ? admission.reason : admission.kind;
  };
  const rotation = { secretHash: "new", overlapUntilMs: Date.now() + 60_000, expiresAtMs: undefined };
  expect(await gate.rotate("another-project", rotation)).toBeUndefined();
  expect(await gate.rotate("project", rotation)).toBe("rotated");
  await evictDurableObject(gate);
  expect([await askWith("hash"), await askWith("new")]).toEqual(["admitted", "admitted"]);

  // A repeated rotation, whose first reply was lost, does not lock out who holds the oldest secret.
  expect(await gate.rotate("project", { ...rotation, secretHash: "newer" })).toBe("rotated");
  expect([await askWith("hash"), await askWith("new"), await askWith("newer")]).toEqual(Array(3).fill("admitted"));

  expect(await gate.rotate("project", { ...rotation, secretHash: "newest", overlapUntilMs: Date.now() })).toBe(
    "rotated",
  );
  expect([await askWith("hash"), await askWith("new"), await askWith("newer")]).toEqual(Array(3).fill("wrong_secret"));
  expect(await askWith("newest")).toBe("admitted");

  await gate.revoke("project");
  expect(await gate.rotate("project", rotation)).toBe("revoked");
  expect(await askWith("newest")).toBe("revoked");
});

test("a description holds no hash of a secret, and says when the key was last let in", async () => {
  const gate = await provisioned("described");
  expect(await gate.describe("project")).toMatchObject({ lastUsedAtMs: undefined });
  expect(await gate.describe("another-project")).toBeUndefined();
  await gate.rotate("project", { secretHash: "hash-2", overlapUntilMs: Date.now() + 60_000, expiresAtMs: undefined });
  await gate.admit({ ...question, credential: { kind: "secret", keyId: "described", secretHash: "hash-2" } });
  const description = await gate.describe("project");
  expect(description?.lastUsedAtMs).toBeGreaterThan(0);
  expect(JSON.stringify(description)).not.toContain("hash");
});
