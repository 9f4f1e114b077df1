import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { dieMidStream, refuseWith, streamTokens, tokenStream } from "./support/behaviours.ts";
import { startDevWorker } from "./support/dev-worker.ts";
import { Edge } from "./support/edge.ts";
import type { Behaviour, MockRegion } from "./support/mock-region.ts";

let edge: Edge;
let region: MockRegion;
let key: string;
let numKeys = 0;

beforeAll(async () => {
  edge = await Edge.start(startDevWorker, ["amsterdam"]);
  region = edge.region("amsterdam");
  key = (await edge.createKey()).value;
});
afterAll(async () => edge.stop());

beforeEach(() => {
  region.received.length = 0;
  region.behaviour = numbered;
  numKeys += 1;
});

/** Every answer is another one. */
let numAnswers = 0;
const numbered: Behaviour = (response) => {
  numAnswers += 1;
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ n: numAnswers }));
};

/** Asks under this test's idempotency key. */
async function ask(body: object = {}, { as = key, signal }: { as?: string; signal?: AbortSignal } = {}) {
  const headers = { "idempotency-key": `key-${numKeys}` };
  return edge.complete(as, body, signal === undefined ? { headers } : { headers, signal });
}

test("a retry is given the first answer, and no region hears of it", async () => {
  const first = await ask();
  const text = await first.text();
  expect(first.headers.has("idempotent-replayed")).toBe(false);
  await vi.waitFor(async () => {
    const second = await ask();
    expect(await second.text()).toBe(text);
    expect(second.headers.get("idempotent-replayed")).toBe("true");
    expect(second.headers.get("content-type")).toBe("application/json");
    expect(second.headers.get("x-request-id")).not.toBe(first.headers.get("x-request-id"));
  });
  expect(region.received).toHaveLength(1);
});

test("retries that come together run once", async () => {
  const texts = await Promise.all(Array.from({ length: 8 }, async () => (await ask()).text()));
  expect(new Set(texts).size).toBe(1);
  expect(region.received).toHaveLength(1);
});

test("a stream whose caller left is read to its end, and given whole to the retry", async () => {
  region.behaviour = streamTokens(20);
  const leaving = new AbortController();
  const first = await ask({ stream: true }, { signal: leaving.signal });
  await first.body?.getReader().read();
  leaving.abort();
  const second = await ask({ stream: true });
  expect(await second.text()).toBe(tokenStream(20));
  expect(region.received).toHaveLength(1);
  expect(region.numAbandoned).toBe(0);
});

test("a retry costs no request of the limit", async () => {
  const { value } = await edge.createKey({ rpd: 1 });
  const first = await (await ask({}, { as: value })).text();
  expect(await (await ask({}, { as: value })).text()).toBe(first);
  expect((await edge.complete(value, {})).status).toBe(429);
});

test("another body under the key is a conflict", async () => {
  await (await ask({ temperature: 0 })).text();
  const response = await ask({ temperature: 1 });
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({ error: { code: "idempotency_conflict" } });
  expect(region.received).toHaveLength(1);
});

test("another credential's key of the same name is another", async () => {
  const other = (await edge.createKey()).value;
  const first = await (await ask()).text();
  expect(await (await ask({}, { as: other })).text()).not.toBe(first);
});

test("a key that was revoked has no answers", async () => {
  const { id, value } = await edge.createKey();
  await (await ask({}, { as: value })).text();
  await edge.admin("DELETE", `/${id}`);
  expect((await ask({}, { as: value })).status).toBe(401);
});

test.each([
  { what: "a refusal for now", behaviour: refuseWith(503) },
  { what: "a failure", behaviour: refuseWith(500) },
  { what: "a stream that broke", behaviour: dieMidStream },
])("$what is not kept: the retry runs anew", async ({ behaviour }) => {
  region.behaviour = behaviour;
  await (await ask({ stream: true })).text();
  region.behaviour = streamTokens(3);
  await vi.waitFor(async () => expect(await (await ask({ stream: true })).text()).toBe(tokenStream(3)), 10_000);
});

test("an answer that will be the same again is kept, though it is a refusal", async () => {
  region.behaviour = refuseWith(400);
  await (await ask()).text();
  region.behaviour = numbered;
  expect((await ask()).status).toBe(400);
});

test.each(["", "a b", "é", "a".repeat(256)])("%j is no idempotency key", async (name) => {
  const headers = { "idempotency-key": encodeURI(name) === name ? name : "a b" };
  const response = await edge.complete(key, {}, { headers });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: "Idempotency-Key" } });
});
