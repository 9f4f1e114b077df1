import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { expect, test } from "vitest";
import { testQuestion } from "#edge/auth/test-question.ts";
import type { KeyGate } from "#edge/auth/key-gate.ts";
import { ledgerName } from "./ledger-name.ts";
import type { Limits } from "./limits.ts";

const question = testQuestion();

async function gateIn(orgId: string, keyId: string): Promise<DurableObjectStub<KeyGate>> {
  const gate = env.KEY_GATE.getByName(keyId);
  await gate.provision({
    keyId,
    orgId,
    projectId: `project-of-${orgId}`,
    secretHash: "hash",
    status: "active",
    createdAtMs: 0,
  });
  return gate;
}

function ledgerOf(orgId: string) {
  return env.LIMIT_LEDGER.getByName(ledgerName("organization", orgId));
}

async function burst(gates: readonly DurableObjectStub<KeyGate>[], size: number, name: string) {
  const asked = gates.flatMap((gate) => {
    return Array.from({ length: size }, async (_, index) => gate.admit({ ...question, requestId: `${name}-${index}` }));
  });
  return Promise.all(asked);
}

test.each([
  { limits: { requestsPerDay: 40 }, admitted: 39 },
  { limits: { tokensPerMonth: 395 }, admitted: 39 },
] satisfies { limits: Limits; admitted: number }[])(
  "a ceiling of $limits holds for all gates together, and a ledger that crashed remembers it",
  async ({ limits, admitted }) => {
    const orgId = `org-${Object.keys(limits)[0]}`;
    await ledgerOf(orgId).setLimits(limits);
    const gates = await Promise.all([1, 2, 3, 4].map(async (index) => gateIn(orgId, `${orgId}-key-${index}`)));
    const admissions = await burst(gates, 50, "first");
    const numAdmitted = admissions.filter(({ kind }) => kind === "admitted").length;
    expect(numAdmitted).toBeLessThanOrEqual(admitted);
    // What a gate may still hold of the last slice it got.
    expect(numAdmitted).toBeGreaterThanOrEqual(admitted - 4 * 2);
    expect(admissions.find(({ kind }) => kind === "limited")).toMatchObject({
      refusal: { kind: "not_now", limitName: Object.keys(limits)[0] },
    });

    await runInDurableObject(ledgerOf(orgId), (_, state) => state.abort("crash")).catch(() => undefined);
    const late = await burst([await gateIn(orgId, `${orgId}-key-5`)], 50, "late");
    expect(numAdmitted + late.filter(({ kind }) => kind === "admitted").length).toBeLessThanOrEqual(admitted);
  },
);

test("a ceiling that was lifted lets in again, and a request under one reserves its tokens", async () => {
  await ledgerOf("org-lifted").setLimits({ requestsPerDay: 2 });
  const gate = await gateIn("org-lifted", "lifted-key");
  const kinds = (await burst([gate], 3, "a")).map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === "admitted")).toHaveLength(1);
  await ledgerOf("org-lifted").setLimits({});
  expect(await gate.admit(question)).toMatchObject({ kind: "admitted" });
});

function ledgersOf(orgId: string, model: string) {
  const projectId = `project-of-${orgId}`;
  return [
    env.LIMIT_LEDGER.getByName(ledgerName("project", projectId)),
    env.LIMIT_LEDGER.getByName(ledgerName("project", projectId, model)),
  ] as const;
}

/** How many of 20 at each gate are let in. */
async function numAdmitted(gates: readonly DurableObjectStub<KeyGate>[], model: string, name: string): Promise<number> {
  const asked = gates.flatMap((gate) =>
    Array.from({ length: 20 }, async (_, index) => gate.admit({ ...question, model, requestId: `${name}-${index}` })),
  );
  return (await Promise.all(asked)).filter(({ kind }) => kind === "admitted").length;
}

test("a project's limit of one model holds for all its keys, whatever crashes, and for no other model", async () => {
  const gates = await Promise.all([1, 2, 3].map(async (index) => gateIn("org-models", `models-key-${index}`)));
  const [project, ofModel] = ledgersOf("org-models", "pocket");
  expect(await project.noteModel("pocket", true)).toBe(true);
  await ofModel.setLimits({ requestsPerDay: 30 });
  expect(await numAdmitted(gates, "other", "other")).toBe(60);
  const first = await numAdmitted(gates, "pocket", "first");
  expect(first).toBeLessThanOrEqual(29);
  expect(first).toBeGreaterThanOrEqual(29 - gates.length * 2);
  for (const object of [...gates, project, ofModel]) {
    await runInDurableObject(object, (_, state) => state.abort("crash")).catch(() => undefined);
  }
  const anew = gates.map(({ id }) => env.KEY_GATE.get(id));
  expect(first + (await numAdmitted(anew, "pocket", "late"))).toBeLessThanOrEqual(29);
  expect(await numAdmitted(anew, "other", "late-other")).toBe(60);
});

test("of one model no more run than it has places, whatever else runs", async () => {
  const gates = await Promise.all([1, 2].map(async (index) => gateIn("org-places", `model-places-${index}`)));
  const [project, ofModel] = ledgersOf("org-places", "pocket");
  await project.noteModel("pocket", true);
  await ofModel.setLimits({ concurrentRequests: 3 });
  expect(await numAdmitted(gates, "other", "other")).toBe(40);
  expect(await numAdmitted(gates, "pocket", "pocket")).toBe(3);
  expect(await numAdmitted(gates, "pocket", "more")).toBe(0);
  // Gates that slept know what is under way before they know of the ledger that asks them.
  for (const object of [...gates, ofModel]) {
    await runInDurableObject(object, (_, state) => state.abort("crash")).catch(() => undefined);
  }
  expect(await numAdmitted([await gateIn("org-places", "model-places-3")], "pocket", "late")).toBe(0);
});

test("a project has limits for so many models and no more", async () => {
  const ledger = env.LIMIT_LEDGER.getByName(ledgerName("project", "many-models"));
  for (let index = 0; index < 100; index += 1) expect(await ledger.noteModel(`model-${index}`, true)).toBe(true);
  expect(await ledger.noteModel("one-more", true)).toBe(false);
  expect(await ledger.noteModel("model-5", true)).toBe(true);
  expect(await ledger.noteModel("model-5", false)).toBe(true);
  expect(await ledger.noteModel("one-more", true)).toBe(true);
});
