import { expect, test } from "vitest";
import type { Admission, AdmissionQuestion } from "./admission.ts";
import { UncheckedAdmissions } from "./unchecked-admissions.ts";

const question: AdmissionQuestion = {
  requestId: "req",
  credential: { kind: "secret", keyId: "key", secretHash: "hash" },
  scopes: ["inference"],
  ip: "203.0.113.7",
  origin: undefined,
  model: "pocket",
  serviceTier: "default",
  demand: undefined,
};
const ownToken = {
  kind: "ownToken",
  keyId: "key",
  secretMark: "hash",
  scopes: ["inference"],
  untilMs: Infinity,
} as const;
const principal = { orgId: "org", projectId: "project", keyId: "key" };
const routing = { jurisdictions: ["eu"], models: {}, isExplained: false };
const terms = { principal, expiresAtMs: undefined, routing };
const admitted: Admission = { kind: "admitted", ...terms, reservedTokens: 100, isLeased: true, report: {} };

function policy(mode: "open" | "closed", maxUncheckedPerMinute = 2) {
  const clock = { nowMs: 1_000_000 };
  return { clock, unchecked: new UncheckedAdmissions({ mode, maxUncheckedPerMinute }, () => clock.nowMs) };
}

test("closed lets nobody in", () => {
  const { unchecked } = policy("closed");
  unchecked.note("key", question, admitted);
  expect(unchecked.admit("key", question)).toBeUndefined();
});

test("open lets in what the gate admitted before, without limits", () => {
  const { unchecked } = policy("open");
  expect(unchecked.admit("key", question)).toBeUndefined();
  unchecked.note("key", question, admitted);
  expect(unchecked.admit("key", question)).toMatchObject({
    principal,
    routing,
    reservedTokens: undefined,
    isLeased: false,
  });
});

test.each([
  { what: "another key", keyId: "other", asked: question },
  {
    what: "another secret",
    keyId: "key",
    asked: { ...question, credential: { kind: "secret", keyId: "key", secretHash: "other" } as const },
  },
  {
    what: "a token",
    keyId: "key",
    asked: { ...question, credential: ownToken },
  },
  { what: "another model", keyId: "key", asked: { ...question, model: "other" } },
  { what: "another address", keyId: "key", asked: { ...question, ip: "203.0.113.8" } },
  { what: "another tier", keyId: "key", asked: { ...question, serviceTier: "priority" as const } },
])("an admission does not vouch for $what", ({ keyId, asked }) => {
  const { unchecked } = policy("open");
  unchecked.note("key", question, admitted);
  expect(unchecked.admit(keyId, asked)).toBeUndefined();
});

test("a refusal takes the word back, and time does", () => {
  const { unchecked, clock } = policy("open");
  unchecked.note("key", question, admitted);
  unchecked.note("key", question, { kind: "refused", reason: "revoked" });
  expect(unchecked.admit("key", question)).toBeUndefined();
  unchecked.note("key", question, admitted);
  clock.nowMs += 300_000;
  expect(unchecked.admit("key", question)).toBeUndefined();
});

test("no more are let in a minute than configured, over all keys", () => {
  const { unchecked, clock } = policy("open", 2);
  unchecked.note("key", question, admitted);
  unchecked.note("other", question, admitted);
  const tries = ["key", "other", "key"].map((keyId) => unchecked.admit(keyId, question) !== undefined);
  expect(tries).toEqual([true, true, false]);
  clock.nowMs += 30_000;
  expect(unchecked.admit("key", question)).toBeDefined();
  expect(unchecked.admit("key", question)).toBeUndefined();
});
