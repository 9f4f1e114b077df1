import { expect, test } from "vitest";
import { decideAdmission, type IdentityQuestion, principalOf } from "./decide-admission.ts";
import type { KeyRecord } from "./key-record.ts";

const record: KeyRecord = {
  keyId: "key",
  orgId: "org",
  projectId: "project",
  secretHash: "hash",
  status: "active",
  createdAtMs: 0,
};
const question: IdentityQuestion = { secretHash: "hash", model: "pocket", serviceTier: "default" };
const nowMs = 1_000;

test("the holder of an active key is admitted as its principal", () => {
  expect(decideAdmission(record, question, nowMs)).toEqual({ kind: "known", record });
  expect(principalOf(record)).toEqual({ orgId: "org", projectId: "project", keyId: "key" });
});

test.each([
  { why: "unknown_key", known: undefined, asked: {} },
  { why: "wrong_secret", known: {}, asked: { secretHash: "other" } },
  { why: "wrong_secret", known: { status: "revoked" }, asked: { secretHash: "other" } },
  { why: "revoked", known: { status: "revoked" }, asked: {} },
  { why: "expired", known: { expiresAtMs: 1_000 }, asked: {} },
  { why: "model_not_allowed", known: { models: ["other"] }, asked: {} },
  { why: "model_not_allowed", known: { models: [] }, asked: {} },
  { why: "tier_not_allowed", known: {}, asked: { serviceTier: "priority" } },
  { why: "tier_not_allowed", known: { serviceTiers: ["priority"] }, asked: {} },
] as const)("refused as $why: $known asked $asked", ({ why, known, asked }) => {
  const stored = known && { ...record, ...known };
  expect(decideAdmission(stored, { ...question, ...asked }, nowMs)).toEqual({ kind: "refused", reason: why });
});

test.each([
  { known: { expiresAtMs: 1_001 }, asked: {} },
  { known: { models: ["pocket"] }, asked: {} },
  { known: {}, asked: { serviceTier: "flex" } },
  { known: { serviceTiers: ["priority"] }, asked: { serviceTier: "priority" } },
  { known: { models: ["other"] }, asked: { model: undefined } },
] satisfies { known: Partial<KeyRecord>; asked: Partial<IdentityQuestion> }[])(
  "admitted: $known asked $asked",
  ({ known, asked }) => {
    expect(decideAdmission({ ...record, ...known }, { ...question, ...asked }, nowMs).kind).toBe("known");
  },
);
