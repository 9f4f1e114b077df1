// What a gate stores of requests under way is what it wakes up by: nothing that a caller asks for may make it unreadable or too large.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { estimateDemand } from "#edge/rate-limit/estimate-demand.ts";
import type { KeyTerms } from "./key-record.ts";
import { testQuestion } from "./test-question.ts";

const requestId = (index: number) => `req_${String(index).padStart(32, "0")}`;

async function provisioned(keyId: string, terms: KeyTerms) {
  const gate = env.KEY_GATE.getByName(keyId);
  const identity = { keyId, orgId: "org", projectId: "project", secretHash: "hash" };
  await gate.provision({ ...identity, status: "active", createdAtMs: 0, ...terms });
  return gate;
}

test("a request that asks for more than can be counted does not lock its key out", async () => {
  const gate = await provisioned("greedy", { limits: { concurrentRequests: 2 } });
  const demand = estimateDemand({ messages: [], max_tokens: 2 ** 31 - 1, n: 2 ** 31 - 1 });
  expect(await gate.admit(testQuestion({ requestId: "a", demand }))).toMatchObject({ kind: "admitted" });
  expect(await gate.change("project", { terms: { limits: { requestsPerMinute: 9 } }, expiresAtMs: undefined })).toBe(
    true,
  );
  await evictDurableObject(gate);
  expect(await gate.admit(testQuestion({ requestId: "b" }))).toMatchObject({ kind: "admitted" });
});

test("as many requests as may be under way are stored, whatever their models are called", async () => {
  const model = "m".repeat(256);
  const limits = { tokensPerMinute: 1_000_000_000, concurrentRequests: 20_000 };
  const gate = await provisioned("crowded", { limits, modelLimits: { [model]: limits } });
  const kinds = await runInDurableObject(gate, async (instance) => {
    const counts = new Map<string, number>();
    for (let index = 0; index < 10_001; index += 1) {
      const { kind } = await instance.admit(testQuestion({ requestId: requestId(index), model }));
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
    return Object.fromEntries(counts);
  });
  expect(kinds).toEqual({ admitted: 10_000, limited: 1 });
  // What workerd takes, the platform does not: two megabytes a key.
  const lengths = await runInDurableObject(gate, (_, { storage }) =>
    [...storage.kv.list<string>({ prefix: "quota" })].map(([, piece]) => piece.length),
  );
  expect(lengths.length).toBeGreaterThan(3);
  expect(Math.max(...lengths)).toBeLessThan(1_000_000);
  await evictDurableObject(gate);
  expect(await gate.settle([{ requestId: requestId(1), usedTokens: 1 }])).toEqual([true]);
}, 60_000);

test("a gate that slept tells who is refused to wait by how long those under way have held their places", async () => {
  const gate = await provisioned("patient", { limits: { concurrentRequests: 1 } });
  const [nowMs, leaseMs] = [Date.now(), 660_000];
  const lease = {
    requestId: "a",
    model: "pocket",
    tokens: 5,
    chargedAtMs: nowMs - 30_000,
    deadlineMs: nowMs + 600_000,
  };
  await runInDurableObject(gate, (_, { storage }) => {
    storage.kv.put("quota", { meters: {}, leases: { leases: [lease], leaseMs } });
  });
  await evictDurableObject(gate);
  const refused = await gate.admit(testQuestion({ requestId: "b" }));
  if (refused.kind !== "limited" || refused.refusal.kind !== "not_now") throw new Error(refused.kind);
  expect(refused.refusal).toMatchObject({ limitName: "concurrentRequests", used: 1 });
  expect(refused.refusal.retryAfterMs).toBe(60_000);
});
