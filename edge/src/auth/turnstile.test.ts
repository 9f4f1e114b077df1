import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { SliceAnswer } from "#edge/rate-limit/ceiling.ts";
import { QuotaBook } from "#edge/rate-limit/quota-book.ts";
import { AccessRules } from "./access-rules.ts";
import type { Admission } from "./admission.ts";
import { GateCeilings } from "./gate-ceilings.ts";
import type { KeyRecord } from "./key-record.ts";
import { testQuestion } from "./test-question.ts";
import { Turnstile } from "./turnstile.ts";

const record: KeyRecord = {
  keyId: "key",
  orgId: "org",
  projectId: "project",
  secretHash: "hash",
  status: "active",
  createdAtMs: 0,
};

const granted: SliceAnswer = { kind: "granted", units: { requests: 100, tokens: 1_000 } };

/** A request that has to wait for a ledger; meanwhile the key's record becomes another. */
async function admitWhile(name: string, before: KeyRecord, meanwhile: () => Promise<KeyRecord | "outdated">) {
  return runInDurableObject(env.KEY_GATE.getByName(name), async (_, state) => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<SliceAnswer>();
    const lease = async () => {
      asked.resolve();
      return answer.promise;
    };
    const bounds = { leaseMs: 60_000, defaultOutputTokens: 100 };
    const book = new QuotaBook(state.storage.kv, { limits: { tokensPerMonth: 1_000 }, modelLimits: {} }, bounds);
    const parts = {
      ledgers: [{ name: "project:project", lease }],
      gateName: "key",
      timeoutMs: 5_000,
      numUnderWay: () => 0,
    };
    const ceilings = new GateCeilings(parts, [], Date.now());
    const turnstile = new Turnstile({
      book,
      ceilings,
      onAnswer: () => undefined,
      orphans: { note: () => undefined },
      waitUntil: () => undefined,
    });
    let known: KeyRecord | "outdated" = before;
    const knownKey = () => (known === "outdated" ? known : { record: known, access: new AccessRules(known) });
    const admitted: Promise<Admission | "outdated"> = turnstile.admit(testQuestion(), knownKey);
    await asked.promise;
    known = await meanwhile();
    answer.resolve(granted);
    return { admission: await admitted, numUnderWay: book.quota.numUnderWay(Date.now()) };
  });
}

test.each([
  { became: "revoked", record: { ...record, status: "revoked" }, reason: "revoked" },
  { became: "barred from the model", record: { ...record, models: ["other"] }, reason: "model_not_allowed" },
  { became: "bound to a network", record: { ...record, ipAllowlist: ["10.0.0.0/8"] }, reason: "ip_not_allowed" },
] as const)(
  "a request whose key became $became while it waited for a ledger is refused, and nothing is charged",
  async ({ became, record: changed, reason }) => {
    const outcome = await admitWhile(`turnstile-${became}`, record, async () => changed);
    expect(outcome).toEqual({ admission: { kind: "refused", reason }, numUnderWay: 0 });
  },
);

test("a request whose key expired while it waited for a ledger is refused", async () => {
  const good = { ...record, expiresAtMs: Date.now() + 60_000 };
  const outcome = await admitWhile("turnstile-expired", good, async () => ({ ...record, expiresAtMs: Date.now() }));
  expect(outcome).toEqual({ admission: { kind: "refused", reason: "expired" }, numUnderWay: 0 });
});

test("a request for whose key nobody vouches any more has to be decided anew", async () => {
  const outcome = await admitWhile("turnstile-outdated", record, async () => "outdated");
  expect(outcome).toEqual({ admission: "outdated", numUnderWay: 0 });
});

test("a request that waited is admitted with the terms as they are then", async () => {
  const outcome = await admitWhile("turnstile-changed", record, async () => ({ ...record, jurisdictions: ["eu"] }));
  expect(outcome).toMatchObject({
    admission: { kind: "admitted", routing: { jurisdictions: ["eu"] } },
    numUnderWay: 1,
  });
});
