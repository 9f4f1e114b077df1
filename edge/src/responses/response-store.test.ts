import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { StoredResponse } from "./response-store.ts";

const stored: StoredResponse = {
  status: "completed",
  response: '{"id":"resp_1"}',
  items: "[]",
  numInputItems: 0,
  expiresAtMs: Date.now() + 60_000,
};

test("keeps texts of any length and script, and replaces them whole", async () => {
  const store = env.RESPONSE_STORE.getByName("long texts");
  const long = JSON.stringify("日本語 🚀 é".repeat(200_000));
  await store.keep({ ...stored, response: long, items: long });
  expect((await store.read())?.response).toBe(long);
  await store.keep(stored);
  expect(await store.read()).toEqual(stored);
});

test("forgets everything when its time is over", async () => {
  const store = env.RESPONSE_STORE.getByName("expiring");
  await store.keep(stored);
  expect(await runInDurableObject(store, async (_, state) => state.storage.getAlarm())).toBe(stored.expiresAtMs);
  await runDurableObjectAlarm(store);
  expect(await store.read()).toBeUndefined();
  expect(await runInDurableObject(store, (_, state) => [...state.storage.kv.list()])).toEqual([]);
});

test("does not tell of what is over, even before it is forgotten", async () => {
  const store = env.RESPONSE_STORE.getByName("over");
  await store.keep({ ...stored, expiresAtMs: Date.now() + 20 });
  await expect.poll(async () => store.read()).toBeUndefined();
});

test("was never asked to keep anything: nothing is stored", async () => {
  const store = env.RESPONSE_STORE.getByName("never used");
  expect(await store.read()).toBeUndefined();
  expect(await store.delete()).toBe(false);
});
