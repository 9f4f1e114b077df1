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
