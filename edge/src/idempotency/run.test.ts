import { expect, test } from "vitest";
import { decideClaim, type Run } from "./run.ts";

const claim = { requestHash: "hash", requestId: "req_2" };
const run: Run = { requestHash: "hash", requestId: "req_1", leasedUntilMs: 1_000 };
const end = { kind: "answered", status: 200, headers: {} } as const;

test.each([
  { when: "nobody used the key", known: undefined, nowMs: 0, kind: "first" },
  { when: "the request runs", known: run, nowMs: 999, kind: "running" },
  { when: "the one that ran it was lost", known: run, nowMs: 1_000, kind: "first" },
  { when: "it was answered", known: { ...run, end }, nowMs: 10_000, kind: "answered" },
  {
    when: "its answer was not kept",
    known: { ...run, end: { kind: "not_kept" } as const },
    nowMs: 10_000,
    kind: "not_kept",
  },
  { when: "another request runs under the key", known: { ...run, requestHash: "x" }, nowMs: 0, kind: "conflict" },
  { when: "another was answered", known: { ...run, requestHash: "x", end }, nowMs: 0, kind: "conflict" },
])("when $when: $kind", ({ known, nowMs, kind }) => {
  expect(decideClaim(known, claim, nowMs).kind).toBe(kind);
});
