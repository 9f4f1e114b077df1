import { env } from "cloudflare:workers";
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { expect, test, vi } from "vitest";
import type { StoredAnswer } from "./run.ts";

const leaseMs = 60_000;
const shortLeaseMs = 30;

let numStores = 0;

function store() {
  numStores += 1;
  return env.IDEMPOTENCY_STORE.getByName(`store-test-${numStores}`);
}

function claimOf(requestId: string) {
  return { requestHash: "hash", requestId };
}

function answerOf(sizeBytes: number): StoredAnswer {
  const body = new Uint8Array(sizeBytes).map((_, index) => index % 251);
  return { status: 200, headers: { "content-type": "application/json" }, body };
}

test.each([0, 1, 1024 * 1024, 3 * 1024 * 1024 + 1])("an answer of %i bytes comes back as it was", async (sizeBytes) => {
  const runs = store();
  await runs.claim(claimOf("one"), leaseMs);
  await runs.answer("one", answerOf(sizeBytes));
  expect(await runs.claim(claimOf("two"), leaseMs)).toEqual({ kind: "answered", answer: answerOf(sizeBytes) });
});

test("of those who wait for a run that was lost, one runs it, and the others are given its answer", async () => {
  const runs = store();
  await runs.claim(claimOf("lost"), shortLeaseMs);
  const followers = ["a", "b", "c"].map(async (id) => runs.claimAfterEnd(claimOf(id), leaseMs, 1_000));
  const outcomes = await Promise.all(followers);
  expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(["first", "running", "running"]);
  const heir = ["a", "b", "c"][outcomes.findIndex(({ kind }) => kind === "first")] ?? "";
  const waiting = runs.claimAfterEnd(claimOf("d"), leaseMs, leaseMs);
  await runs.answer(heir, answerOf(5));
  expect(await waiting).toEqual({ kind: "answered", answer: answerOf(5) });
});

test("a run that was given up has no say any more", async () => {
  const runs = store();
  await runs.claim(claimOf("slow"), shortLeaseMs);
  expect(await runs.claimAfterEnd(claimOf("heir"), leaseMs, leaseMs)).toEqual({ kind: "first" });
  expect(await runs.renew("slow", leaseMs)).toBe(false);
  await runs.answer("slow", answerOf(3));
  await runs.dismiss("slow");
  await runs.abandon("slow");
  expect(await runs.claim(claimOf("other"), leaseMs)).toMatchObject({ kind: "running" });
});

test("a run that is heard of keeps its lease", async () => {
  const runs = store();
  await runs.claim(claimOf("long"), shortLeaseMs);
  expect(await runs.renew("long", leaseMs)).toBe(true);
  expect(await runs.claimAfterEnd(claimOf("other"), leaseMs, 2 * shortLeaseMs)).toMatchObject({ kind: "running" });
});

test("a hundred may wait for one run, and places are free again", async () => {
  const runs = store();
  await runs.claim(claimOf("slow"), leaseMs);
  const waiting = Array.from({ length: 100 }, async (_, n) => runs.claimAfterEnd(claimOf(`w${n}`), leaseMs, leaseMs));
  await vi.waitFor(async () => {
    expect(await runs.claimAfterEnd(claimOf("one more"), leaseMs, 1)).toEqual({ kind: "crowded" });
  }, 10_000);
  await runs.dismiss("slow");
  expect(new Set((await Promise.all(waiting)).map(({ kind }) => kind))).toEqual(new Set(["not_kept"]));
  await runs.abandon("slow");
  await runs.claim(claimOf("next"), leaseMs);
  expect(await runs.claimAfterEnd(claimOf("follower"), leaseMs, 1)).toMatchObject({ kind: "running" });
});

test("an answer that is not kept ends the wait, for good", async () => {
  const runs = store();
  await runs.claim(claimOf("large"), leaseMs);
  const waiting = runs.claimAfterEnd(claimOf("other"), leaseMs, leaseMs);
  await runs.dismiss("large");
  expect(await waiting).toEqual({ kind: "not_kept" });
  expect(await runs.renew("large", leaseMs)).toBe(false);
});

test("after a day nothing is left", async () => {
  const runs = store();
  await runs.claim(claimOf("old"), leaseMs);
  await runs.answer("old", answerOf(2 * 1024 * 1024));
  expect(await runDurableObjectAlarm(runs)).toBe(true);
  expect(await runInDurableObject(runs, (_, state) => [...state.storage.kv.list()])).toEqual([]);
  expect(await runs.claim(claimOf("new"), leaseMs)).toEqual({ kind: "first" });
});
