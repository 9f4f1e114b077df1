import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { StoredResponse } from "./stored-response.ts";

const stored: StoredResponse = {
  status: "completed",
  isBackground: false,
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

test("tells of nothing when its time is over, and forgets it", async () => {
  const store = env.RESPONSE_STORE.getByName("expiring");
  const expiresAtMs = Date.now() + 2_000;
  await store.keep({ ...stored, expiresAtMs });
  expect(await runInDurableObject(store, async (_, state) => state.storage.getAlarm())).toBe(expiresAtMs);
  expect(await store.read()).toBeDefined();
  await expect.poll(async () => store.read(), { timeout: 10_000 }).toBeUndefined();
  await expect
    .poll(async () => runInDurableObject(store, (_, state) => [...state.storage.kv.list()]), { timeout: 10_000 })
    .toEqual([]);
});

test("an alarm before its time forgets nothing", async () => {
  const store = env.RESPONSE_STORE.getByName("early alarm");
  await store.keep(stored);
  await runDurableObjectAlarm(store);
  expect(await store.read()).toEqual(stored);
  expect(await runInDurableObject(store, async (_, state) => state.storage.getAlarm())).toBe(stored.expiresAtMs);
});

test.each(["queued", "in_progress"])("what was %s when the object was lost has failed", async (status) => {
  const store = env.RESPONSE_STORE.getByName(`lost ${status}`);
  await store.keep({ ...stored, status, isBackground: true });
  await evictDurableObject(store);
  const found = await store.read();
  expect(found?.status).toBe("failed");
  expect(JSON.parse(found?.response ?? "")).toMatchObject({ id: "resp_1", error: { code: "server_error" } });
  expect(await store.cancel()).toMatchObject({ kind: "ended", response: found?.response });
});

test("was never asked to keep anything: nothing is stored", async () => {
  const store = env.RESPONSE_STORE.getByName("never used");
  expect(await store.read()).toBeUndefined();
  expect(await store.delete()).toBe(false);
});
