import { expect, test } from "vitest";
import { AccessRules } from "./access-rules.ts";
import { decideAdmission, type IdentityQuestion, principalOf } from "./decide-admission.ts";
import type { KeyRecord } from "./key-record.ts";
import { testQuestion } from "./test-question.ts";

const record: KeyRecord = {
  keyId: "key",
  orgId: "org",
  projectId: "project",
  secretHash: "hash",
  status: "active",
  createdAtMs: 0,
};
const question: IdentityQuestion = testQuestion();
const nowMs = 1_000;

function known(changes: Partial<KeyRecord> = {}) {
  return { record: { ...record, ...changes }, access: new AccessRules(changes) };
}

test("the holder of an active key is admitted as its principal", () => {
  expect(decideAdmission(known(), question, nowMs)).toEqual({ kind: "known", record });
  expect(principalOf(record)).toEqual({ orgId: "org", projectId: "project", keyId: "key" });
});

test.each([
  { why: "unknown_key", changes: undefined, asked: {} },
  { why: "wrong_secret", changes: {}, asked: { credential: { kind: "secret", keyId: "key", secretHash: "other" } } },
  {
    why: "wrong_secret",
    changes: { status: "revoked" },
    asked: { credential: { kind: "secret", keyId: "key", secretHash: "other" } },
  },
  { why: "revoked", changes: { status: "revoked" }, asked: {} },
  { why: "expired", changes: { expiresAtMs: 1_000 }, asked: {} },
  { why: "ip_not_allowed", changes: {}, asked: { barredFrom: ["other", "project"] } },
  { why: "ip_not_allowed", changes: {}, asked: { barredFrom: ["org"] } },
  { why: "ip_not_allowed", changes: { scopes: [] }, asked: { barredFrom: ["org"] } },
  { why: "expired", changes: { expiresAtMs: 1_000 }, asked: { barredFrom: ["org"] } },
  { why: "model_not_allowed", changes: { models: ["other"] }, asked: { barredFrom: ["other"] } },
  { why: "model_not_allowed", changes: { models: ["other"] }, asked: {} },
  { why: "expired", changes: { expiresAtMs: 1_000, models: [] }, asked: {} },
  {
    why: "wrong_secret",
    changes: { secretHash: undefined },
    asked: { credential: { kind: "secret", keyId: "key", secretHash: "hash" } },
  },
  {
    why: "revoked",
    changes: { status: "revoked" },
    asked: { credential: { kind: "ownToken", keyId: "key", scopes: ["inference"], untilMs: Infinity } },
  },
  {
    why: "token_expired",
    changes: {},
    asked: { credential: { kind: "ownToken", keyId: "key", scopes: ["inference"], untilMs: 1_000 } },
  },
  {
    why: "scope_missing",
    changes: {},
    asked: { credential: { kind: "ownToken", keyId: "key", scopes: ["usage.read"], untilMs: Infinity } },
  },
  {
    why: "scope_missing",
    changes: { scopes: ["usage.read"] },
    asked: { credential: { kind: "ownToken", keyId: "key", scopes: ["inference"], untilMs: Infinity } },
  },
] as const)("refused as $why: $changes asked $asked", ({ why, changes, asked }) => {
  expect(decideAdmission(changes && known(changes), { ...question, ...asked }, nowMs)).toEqual({
    kind: "refused",
    reason: why,
  });
});

test.each([
  { changes: { expiresAtMs: 1_001 }, asked: {} },
  { changes: { models: ["pocket"] }, asked: {} },
  { changes: {}, asked: { credential: { kind: "ownToken", keyId: "key", scopes: ["inference"], untilMs: Infinity } } },
] satisfies { changes: Partial<KeyRecord>; asked: Partial<IdentityQuestion> }[])(
  "admitted: $changes asked $asked",
  ({ changes, asked }) => {
    expect(decideAdmission(known(changes), { ...question, ...asked }, nowMs).kind).toBe("known");
  },
);
