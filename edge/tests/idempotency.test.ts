import { doneEvent, encodeEvent } from "@sluice/shared/sse.ts";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { dieMidStream, hang, refuseWith, streamForever, streamTokens, tokenStream } from "./support/behaviours.ts";
import { type DevWorker, startDevWorker } from "./support/dev-worker.ts";
import { Edge } from "./support/edge.ts";
import type { Behaviour, MockRegion } from "./support/mock-region.ts";

const leaseMs = 5_000;
const maxAnswerBytes = 3_000_000;

let edge: Edge<DevWorker>;
let region: MockRegion;
let key: string;
let numKeys = 0;

beforeAll(async () => {
  edge = await Edge.start(startDevWorker, ["amsterdam"], {
    IDEMPOTENCY_LEASE_MS: String(leaseMs),
    IDEMPOTENCY_MAX_WAIT_MS: "9000",
    IDEMPOTENCY_MAX_ANSWER_BYTES: String(maxAnswerBytes),
  });
  region = edge.region("amsterdam");
  key = (await edge.createKey()).value;
});
afterAll(async () => edge.stop());

beforeEach(() => {
  region.received.length = 0;
  region.behaviour = numbered;
  numKeys += 1;
});

const json = { "content-type": "application/json" };
const eventStream = { "content-type": "text/event-stream" };

/** Every answer is another one. */
let numAnswers = 0;
const numbered: Behaviour = (response) => {
  numAnswers += 1;
  response.writeHead(200, json).end(JSON.stringify({ n: numAnswers }));
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
  }, 10_000);
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

/** One answer of about this size. */
function answerOf(sizeBytes: number, isStream: boolean): Behaviour {
  const text = "x".repeat(sizeBytes);
  if (!isStream) return (response) => void response.writeHead(200, json).end(JSON.stringify({ text }));
  return (response) => void response.writeHead(200, eventStream).end(encodeEvent({ text }) + doneEvent);
}

test.each([true, false])("an answer of many parts is given again byte for byte (streamed: %s)", async (stream) => {
  region.behaviour = answerOf(maxAnswerBytes - 100, stream);
  const first = await (await ask({ stream })).text();
  expect(await (await ask({ stream })).text()).toBe(first);
  expect(region.received).toHaveLength(1);
});

test.each([true, false])("one larger than is kept is a conflict, and not run again (streamed: %s)", async (stream) => {
  region.behaviour = answerOf(maxAnswerBytes, stream);
  expect((await (await ask({ stream })).text()).length).toBeGreaterThan(maxAnswerBytes);
  await expectNotKept({ stream });
  expect(region.received).toHaveLength(1);
});

test("the answer of a key that is bound to a jurisdiction is not kept, and not computed again", async () => {
  const as = (await edge.createKey({ jurisdictions: ["amsterdam"] })).value;
  expect((await ask({}, { as })).status).toBe(200);
  await expectNotKept({}, as);
  expect(region.received).toHaveLength(1);
});

async function expectNotKept(body: object, as = key): Promise<void> {
  const response = await ask(body, { as });
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({ error: { code: "idempotency_answer_not_kept" } });
}

test("a run that outlives its lease is not begun again", async () => {
  const startedAtMs = Date.now();
  const answered = Promise.withResolvers<void>();
  region.behaviour = (response, received) => void answered.promise.then(() => numbered(response, received));
  const both = [ask(), ask()];
  await vi.waitFor(() => expect(Date.now() - startedAtMs).toBeGreaterThan(1.3 * leaseMs), 10_000);
  answered.resolve();
  const [first, second] = await Promise.all(both.map(async (asked) => (await asked).text()));
  expect(second).toBe(first);
  expect(region.received).toHaveLength(1);
});

test("a run that does not end holds its followers for a while only", async () => {
  region.behaviour = hang;
  const leaving = new AbortController();
  const endless = ask({}, { signal: leaving.signal }).catch(() => undefined);
  await vi.waitFor(() => expect(region.received).toHaveLength(1), 10_000);
  const follower = await ask();
  expect(follower.status).toBe(504);
  expect(follower.headers.get("retry-after")).toBe("1");
  expect(region.received).toHaveLength(1);
  leaving.abort();
  await endless;
});

test("a run whose edge was killed is begun again when its lease is over", async () => {
  region.behaviour = streamForever;
  const first = await ask({ stream: true });
  await first.body?.getReader().read();
  await edge.worker.crash();
  region.behaviour = streamTokens(3);
  expect(await (await ask({ stream: true })).text()).toBe(tokenStream(3));
  expect(region.received).toHaveLength(2);
  expect(await (await ask({ stream: true })).text()).toBe(tokenStream(3));
  expect(region.received).toHaveLength(2);
});

test.each(["", "a b", "é", "a".repeat(256)])("%j is no idempotency key", async (name) => {
  const headers = { "idempotency-key": encodeURI(name) === name ? name : "a b" };
  const response = await edge.complete(key, {}, { headers });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: "Idempotency-Key" } });
});
