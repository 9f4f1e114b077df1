import { expect, test } from "vitest";
import { AccessRules } from "./access-rules.ts";
import type { Credential } from "./credential.ts";
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

type OwnToken = Extract<Credential, { kind: "ownToken" }>;

function ownToken(changes: Partial<OwnToken>): OwnToken {
  const good = { secretMark: "hash", scopes: ["inference"], untilMs: Infinity } as const;
  return { kind: "ownToken", keyId: "key", ...good, ...changes };
}

/** The secret "hash" was the key's until a rotation, and is good until then. */
function rotated(untilMs: number): Partial<KeyRecord> {
  return { secretHash: "another", previousSecrets: [{ hash: "hash", untilMs }] };
}

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
    asked: {
      credential: ownToken({}),
    },
  },
  {
    why: "token_expired",
    changes: {},
    asked: {
      credential: ownToken({ untilMs: 1_000 }),
    },
  },
  { why: "token_expired", changes: rotated(1_000), asked: { credential: ownToken({}) } },
  { why: "token_expired", changes: {}, asked: { credential: ownToken({ secretMark: "" }) } },
  { why: "token_expired", changes: { secretHash: undefined }, asked: { credential: ownToken({}) } },
  {
    why: "scope_missing",
    changes: {},
    asked: {
      credential: ownToken({ scopes: ["usage.read"] }),
    },
  },
  {
    why: "scope_missing",
    changes: { scopes: ["usage.read"] },
    asked: {
      credential: ownToken({}),
    },
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
  { changes: rotated(1_001), asked: {} },
  { changes: rotated(1_001), asked: { credential: ownToken({}) } },
  {
    changes: {},
    asked: {
      credential: ownToken({}),
    },
  },
] satisfies { changes: Partial<KeyRecord>; asked: Partial<IdentityQuestion> }[])(
  "admitted: $changes asked $asked",
  ({ changes, asked }) => {
    expect(decideAdmission(known(changes), { ...question, ...asked }, nowMs).kind).toBe("known");
  },
);
