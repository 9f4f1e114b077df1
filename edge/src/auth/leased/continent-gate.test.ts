import { env } from "cloudflare:workers";
import { evictDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import type { GateQuestion } from "#edge/auth/admission.ts";
import { testQuestion } from "#edge/auth/test-question.ts";
import type { KeyGate } from "#edge/auth/key-gate.ts";
import type { KeyTerms } from "#edge/auth/key-record.ts";

const places = ["EU", "NA", "AS"] as const;

async function homeOf(keyId: string, terms: KeyTerms): Promise<DurableObjectStub<KeyGate>> {
  const home = env.KEY_GATE.getByName(keyId);
  const identity = { keyId, orgId: "org-leased", projectId: "project", status: "active", createdAtMs: 0 } as const;
  await home.provision({ ...identity, secretHash: "hash", ...terms });
  return home;
}

function question(keyId: string, requestId: string): GateQuestion {
  return testQuestion({ requestId, credential: { kind: "secret", keyId, secretHash: "hash" } });
}

function gateIn(keyId: string, place: (typeof places)[number]) {
  return env.CONTINENT_GATE.getByName(`${keyId}@${place}`);
}

async function burst(keyId: string, size: number, name: string): Promise<number> {
  const asked = places.flatMap((place) =>
    Array.from({ length: size }, async (_, index) =>
      gateIn(keyId, place).admit(question(keyId, `${name}-${place}-${index}`)),
    ),
  );
  return (await Promise.all(asked)).filter(({ kind }) => kind === "admitted").length;
}

// Side by side: each waits out the timers of those that are evicted.
test.concurrent.each([
  { what: "requests", keyId: "leased-requests", terms: { limits: { requestsPerDay: 40 } } },
  { what: "tokens", keyId: "leased-tokens", terms: { limits: { tokensPerMonth: 395 } } },
  { what: "a model's requests", keyId: "leased-model", terms: { modelLimits: { pocket: { requestsPerDay: 40 } } } },
])(
  "gates on three continents together admit no more than the limit of $what, through crashes of home and gate",
  async ({ keyId, terms }) => {
    const home = await homeOf(keyId, terms);
    const first = await burst(keyId, 30, "first");
    expect(first).toBeGreaterThanOrEqual(39 - places.length * 2);
    expect(first).toBeLessThanOrEqual(39);
    await Promise.all([home, gateIn(keyId, "EU")].map(async (object) => evictDurableObject(object)));
    expect(first + (await burst(keyId, 30, "late"))).toBeLessThanOrEqual(39);
  },
);

test.concurrent("a home that slept still knows whom to tell", async () => {
  const keyId = "leased-slept";
  const home = await homeOf(keyId, {});
  await gateIn(keyId, "EU").admit(question(keyId, "a"));
  await evictDurableObject(home);
  await home.revoke("project");
  expect(await gateIn(keyId, "EU").admit(question(keyId, "b"))).toEqual({ kind: "refused", reason: "revoked" });
});

test("a revoked key is refused on every continent once the call has returned, and by a gate that comes anew", async () => {
  const keyId = "leased-revoked";
  const home = await homeOf(keyId, {});
  for (const place of places) expect((await gateIn(keyId, place).admit(question(keyId, place))).kind).toBe("admitted");
  expect(await home.revoke("project")).toBe(true);
  await evictDurableObject(gateIn(keyId, "AS"));
  for (const place of places) {
    expect(await gateIn(keyId, place).admit(question(keyId, place))).toEqual({ kind: "refused", reason: "revoked" });
  }
});

test("limits that a key gets later hold on every continent at once", async () => {
  const keyId = "leased-limited";
  const home = await homeOf(keyId, {});
  for (const place of places) await gateIn(keyId, place).admit(question(keyId, place));
  await home.change("project", { terms: { limits: { requestsPerDay: 10 } }, expiresAtMs: undefined });
  expect(await burst(keyId, 10, "limited")).toBeLessThanOrEqual(9);
});

test("limits of one model that a key gets later hold on every continent at once, those lifted no more, and no other model's", async () => {
  const keyId = "leased-model-limited";
  const home = await homeOf(keyId, {});
  for (const place of places) await gateIn(keyId, place).admit(question(keyId, place));
  const setLimits = async (modelLimits: KeyTerms["modelLimits"]) =>
    home.change("project", { terms: { modelLimits }, expiresAtMs: undefined });
  await setLimits({ pocket: { requestsPerDay: 10 } });
  expect(await burst(keyId, 10, "limited")).toBeLessThanOrEqual(9);
  for (const place of places) {
    const other = { ...question(keyId, `other-${place}`), model: "other" };
    expect((await gateIn(keyId, place).admit(other)).kind).toBe("admitted");
  }
  await setLimits({ pocket: { requestsPerMinute: 600 } });
  expect(await burst(keyId, 10, "changed")).toBe(30);
  await setLimits({ other: { requestsPerDay: 10 } });
  expect(await burst(keyId, 300, "lifted")).toBe(900);
});

test("a request that does not say gets what its model's limit can hold", async () => {
  const keyId = "leased-model-bound";
  await homeOf(keyId, { modelLimits: { pocket: { tokensPerMinute: 1_200 } } });
  const demand = { promptTokens: 100, outputTokens: undefined };
  const admission = await gateIn(keyId, "EU").admit({ ...question(keyId, "a"), demand });
  expect(admission).toMatchObject({ kind: "admitted", reservedTokens: 1_100 });
});

test("what a request did not use comes back, and a request that does not say gets what the limit can hold", async () => {
  const keyId = "leased-settled";
  await homeOf(keyId, { limits: { tokensPerMonth: 100 } });
  const gate = gateIn(keyId, "EU");
  const demand = { promptTokens: 10, outputTokens: undefined };
  const greedy = await gate.admit({ ...question(keyId, "a"), demand });
  expect(greedy).toMatchObject({ kind: "admitted", reservedTokens: 100, isLeased: true });
  expect(await gate.admit(question(keyId, "b"))).toMatchObject({ kind: "limited" });
  const settlement = { requestId: "a", usedTokens: 20 };
  expect(await gate.settle([settlement, settlement])).toEqual([true, false]);
  expect(await gate.settle([settlement])).toEqual([false]);
  expect(await gate.admit(question(keyId, "c"))).toMatchObject({ kind: "admitted", reservedTokens: 10 });
});

test("a key that its home does not know is refused", async () => {
  expect(await gateIn("leased-unknown", "EU").admit(question("leased-unknown", "a"))).toEqual({
    kind: "refused",
    reason: "unknown_key",
  });
});
