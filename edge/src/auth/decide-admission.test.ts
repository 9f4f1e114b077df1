import { expect, test } from "vitest";
import { decideAdmission } from "./decide-admission.ts";
import type { KeyRecord } from "./key-record.ts";

const record: KeyRecord = {
  keyId: "key",
  orgId: "org",
  projectId: "project",
  secretHash: "hash",
  status: "active",
  createdAtMs: 0,
};
const question = { secretHash: "hash", model: "pocket", nowMs: 1_000 };

test("the holder of an active key is admitted as its principal", () => {
  const principal = { orgId: "org", projectId: "project", keyId: "key" };
  expect(decideAdmission(record, question)).toEqual({ admitted: true, principal });
});

test.each([
  { why: "unknown_key", known: undefined, asked: {} },
  { why: "wrong_secret", known: {}, asked: { secretHash: "other" } },
  { why: "wrong_secret", known: { status: "revoked" }, asked: { secretHash: "other" } },
  { why: "revoked", known: { status: "revoked" }, asked: {} },
  { why: "expired", known: { expiresAtMs: 1_000 }, asked: {} },
  { why: "model_not_allowed", known: { models: ["other"] }, asked: {} },
  { why: "model_not_allowed", known: { models: [] }, asked: {} },
] as const)("refused as $why: $known asked $asked", ({ why, known, asked }) => {
  const stored = known && { ...record, ...known };
  expect(decideAdmission(stored, { ...question, ...asked })).toEqual({ admitted: false, reason: why });
});

test.each([
  { known: { expiresAtMs: 1_001 }, asked: {} },
  { known: { models: ["pocket"] }, asked: {} },
  { known: { models: ["other"] }, asked: { model: undefined } },
])("admitted: $known asked $asked", ({ known, asked }) => {
  expect(decideAdmission({ ...record, ...known }, { ...question, ...asked }).admitted).toBe(true);
});
