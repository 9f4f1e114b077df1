import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import {
  dieMidStream,
  hang,
  ping,
  refuseWith,
  streamForever,
  streamTokens,
  tokenStream,
} from "./support/behaviours.ts";
import { startDevWorker } from "./support/dev-worker.ts";
import { Edge } from "./support/edge.ts";
import type { MockRegion } from "./support/mock-region.ts";

const numInBurst = 200;
const eventStream = { "content-type": "text/event-stream" };

let edge: Edge;
let region: MockRegion;

beforeAll(async () => {
  edge = await Edge.start(startDevWorker, ["amsterdam"], {
    // Far beyond what a loaded machine needs for an answer; a caller who left a silent region is noticed by then.
    STREAM_START_TIMEOUT_MS: "6000",
    RECEIPT_TIMEOUT_MS: "1000",
  });
  region = edge.region("amsterdam");
});
afterAll(async () => edge.stop());

beforeEach(() => {
  region.received.length = 0;
  region.behaviour = streamTokens(2);
  region.usageOf = () => ({ promptTokens: 5, completionTokens: 5 });
});

async function keyWith(limits: object): Promise<string> {
  return (await edge.createKey(limits)).value;
}

/** What the gate says is left of a limit on tokens, without using any: a request that can never be admitted is told too. */
async function tokensLeft(key: string): Promise<number> {
  const response = await edge.complete(key, { prompt: "a", max_tokens: 2_000_000_000 });
  await response.body?.cancel();
  return Number(response.headers.get("x-ratelimit-remaining-tokens"));
}

function statuses(responses: readonly Response[]): Record<number, number> {
  const counts: Record<number, number> = {};
  for (const { status } of responses) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

test("a burst of 200 against 17 requests a day admits exactly 17", async () => {
  const key = await keyWith({ rpd: 17 });
  const burst = Array.from({ length: numInBurst }, async () => edge.complete(key, { stream: true }));
  const responses = await Promise.all(burst);
  await Promise.all(responses.map(async (response) => response.text()));
  expect(statuses(responses)).toEqual({ 200: 17, 429: numInBurst - 17 });
  expect(region.received).toHaveLength(17);
});

test("a burst never reserves more tokens than there are, and what is not used comes back", async () => {
  const key = await keyWith({ tokens_per_month: 10_000 });
  region.behaviour = streamForever;
  const leaving = new AbortController();
  const burst = Array.from({ length: 50 }, async () => {
    return edge.complete(key, { stream: true, prompt: "abc", max_tokens: 998 }, { signal: leaving.signal });
  });
  const responses = await Promise.all(burst);
  expect(statuses(responses)).toEqual({ 200: 10, 429: 40 });
  leaving.abort();
  await vi.waitFor(async () => expect(await tokensLeft(key)).toBeGreaterThanOrEqual(9_900), 10_000);
});

test("no more requests than there are places run at once, and a place is free when its request has ended", async () => {
  const key = await keyWith({ concurrency: 4 });
  region.behaviour = streamForever;
  const leaving = new AbortController();
  const burst = Array.from({ length: 40 }, async () =>
    edge.complete(key, { stream: true }, { signal: leaving.signal }),
  );
  const responses = await Promise.all(burst);
  expect(statuses(responses)).toEqual({ 200: 4, 429: 36 });
  // Each of another moment within what a request takes, which is a guess until one has ended, and a little later the longer none has.
  const told = responses.map(({ headers }) => Number(headers.get("retry-after-ms")));
  const turns = Map.groupBy(
    told.filter((waitMs) => waitMs > 0),
    (waitMs) => Math.round(waitMs / 250),
  );
  expect([1, 2, 3, 4].every((turn) => turns.has(turn))).toBe(true);
  expect(Math.min(...turns.keys())).toBe(1);
  leaving.abort();
  region.behaviour = streamTokens(2);
  await vi.waitFor(async () => {
    const response = await edge.complete(key, { stream: true });
    await response.text();
    expect(response.status).toBe(200);
  }, 10_000);
});

test.each([
  { phase: "before the headers", behaviour: hang, leaveAfter: "asked" as const },
  { phase: "before the first token", behaviour: ping, leaveAfter: "headers" as const },
  { phase: "in mid-stream", behaviour: streamForever, leaveAfter: "headers" as const },
])("a caller who leaves $phase is settled with what the engine counted", async ({ behaviour, leaveAfter }) => {
  const key = await keyWith({ tokens_per_month: 1_000_000, concurrency: 1 });
  region.behaviour = behaviour;
  region.usageOf = () => ({ promptTokens: 100_000, completionTokens: 200_000 });
  const leaving = new AbortController();
  const call = edge.complete(key, { stream: true, prompt: "a", max_tokens: 500_000 }, { signal: leaving.signal });
  if (leaveAfter === "headers") await (await call).body?.getReader().read();
  else await vi.waitUntil(() => region.received.length === 1, 5_000);
  leaving.abort();
  await Promise.allSettled([call]);
  await vi.waitFor(async () => {
    const left = await tokensLeft(key);
    expect(left).toBe(700_000);
  }, 20_000);
  region.behaviour = streamTokens(1);
  expect((await edge.complete(key, { stream: true, prompt: "a", max_tokens: 1 })).status).toBe(200);
});

test.each([
  { ending: "complete", behaviour: streamTokens(5), usage: { promptTokens: 7, completionTokens: 5 }, used: 12 },
  { ending: "not streamed", behaviour: undefined, usage: { promptTokens: 7, completionTokens: 5 }, used: 12 },
  { ending: "a refusal of the region", behaviour: refuseWith(400), usage: "none" as const, used: 0 },
  { ending: "no region to be had", behaviour: refuseWith(503), usage: "none" as const, used: 0 },
  {
    ending: "death in mid-stream, receipt had",
    behaviour: dieMidStream,
    usage: { promptTokens: 7, completionTokens: 2 },
    used: 9,
  },
  { ending: "death in mid-stream, receipt lost", behaviour: dieMidStream, usage: "missing" as const, used: 110 },
])("an ending is charged $used tokens: $ending", async ({ behaviour, usage, used }) => {
  // A budget, because nothing of it comes back by itself while we look.
  const key = await keyWith({ tokens_per_month: 1_000 });
  region.behaviour =
    behaviour ?? ((response) => void response.writeHead(200, { "content-type": "application/json" }).end("{}"));
  region.usageOf = () => usage;
  const response = await edge.complete(key, { stream: true, prompt: Array(10).fill(1), max_tokens: 100 });
  await response.text();
  await vi.waitFor(async () => expect(await tokensLeft(key)).toBe(1_000 - used), 5_000);
});

test("every reply of an admitted key says what is left, in OpenAI's words", async () => {
  const key = await keyWith({ rpm: 500, tpm: 10_000 });
  const ask = { stream: true, prompt: Array(10).fill(1), max_tokens: 90 };
  const streamed = await edge.complete(key, ask);
  await streamed.text();
  expect(Object.fromEntries([...streamed.headers].filter(([name]) => name.startsWith("x-ratelimit")))).toEqual({
    "x-ratelimit-limit-requests": "500",
    "x-ratelimit-remaining-requests": "499",
    "x-ratelimit-reset-requests": "120ms",
    "x-ratelimit-limit-tokens": "10000",
    "x-ratelimit-remaining-tokens": "9900",
    "x-ratelimit-reset-tokens": "600ms",
  });
  region.behaviour = refuseWith(500);
  const failed = await edge.complete(key, ask);
  expect([failed.status, failed.headers.get("x-ratelimit-limit-requests")]).toEqual([500, "500"]);
});

test("who is refused is told when to come back, and who comes back then gets in", async () => {
  const key = await keyWith({ rpm: 40 });
  const burst = await Promise.all(Array.from({ length: 45 }, async () => edge.complete(key, { stream: true })));
  const refused = burst.filter(({ status }) => status === 429).at(-1);
  const retryAfterMs = Number(refused?.headers.get("retry-after-ms"));
  expect(retryAfterMs).toBeGreaterThan(0);
  expect(retryAfterMs).toBeLessThanOrEqual(1_500);
  expect(refused?.headers.get("retry-after")).toBe(String(Math.ceil(retryAfterMs / 1_000)));
  expect(await refused?.json()).toMatchObject({ error: { type: "requests", code: "rate_limit_exceeded" } });
  await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
  expect((await edge.complete(key, { stream: true })).status).toBe(200);
});

test.each([
  { type: "requests", limits: { rpm: 1 } },
  { type: "tokens", limits: { tpm: 100 } },
])("the type of a refusal is what its limit counts: $type", async ({ type, limits }) => {
  const key = await keyWith(limits);
  expect((await edge.complete(key, { prompt: "a", max_tokens: 90 })).status).toBe(200);
  const refused = await edge.complete(key, { prompt: "a", max_tokens: 90 });
  expect(await refused.json()).toMatchObject({ error: { type, code: "rate_limit_exceeded" } });
});

test("what can never be admitted is a 400 and no time to come back", async () => {
  const key = await keyWith({ tpm: 1_000 });
  const response = await edge.complete(key, { prompt: "a", max_tokens: 5_000 });
  expect(response.status).toBe(400);
  expect(response.headers.has("retry-after")).toBe(false);
  expect(await response.json()).toMatchObject({ error: { code: "request_exceeds_limit", param: "max_tokens" } });
  expect(region.received).toHaveLength(0);
});

test("a month's budget that is spent is OpenAI's insufficient_quota", async () => {
  const key = await keyWith({ tokens_per_month: 100 });
  region.usageOf = () => ({ promptTokens: 5, completionTokens: 90 });
  await (await edge.complete(key, { prompt: "a", max_tokens: 95 })).text();
  await vi.waitFor(async () => expect(await tokensLeft(key)).toBe(5), 5_000);
  const response = await edge.complete(key, { prompt: "a", max_tokens: 50 });
  expect(response.status).toBe(429);
  expect(await response.json()).toMatchObject({ error: { code: "insufficient_quota", type: "insufficient_quota" } });
});

test.each(["1e999", "-1", "0", "99999999999", ""])(
  "a region that wants %j tokens more is broken, and its gate hears nothing of it",
  async (needed) => {
    const key = await keyWith({ concurrency: 1 });
    region.behaviour = refuseWith(412, { "x-sluice-needed-tokens": needed });
    const response = await edge.complete(key, {});
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ error: { code: "unavailable" } });
    region.behaviour = streamTokens(2);
    await vi.waitFor(async () => expect((await edge.complete(key, {})).status).toBe(200), 10_000);
  },
);

test("a prompt that has more tokens than estimated is served when they are there, and refused when not", async () => {
  const key = await keyWith({ tpm: 1_000 });
  region.behaviour = (response, { passport }) => {
    if ((passport?.reservedTokens ?? 0) >= 700) response.writeHead(200, eventStream).end(tokenStream(2));
    else response.writeHead(412, { "x-sluice-needed-tokens": "700" }).end("{}");
  };
  region.usageOf = () => "none";
  const served = await edge.complete(key, { stream: true, prompt: "a", max_tokens: 50 });
  expect(served.status).toBe(200);
  // A token comes back every 60 ms.
  const left = Number(served.headers.get("x-ratelimit-remaining-tokens"));
  expect(left).toBeGreaterThanOrEqual(300);
  expect(left).toBeLessThan(900);
  expect(region.received.map(({ passport }) => passport?.reservedTokens)).toEqual([52, 700]);
  await served.text();
  await vi.waitFor(async () => expect(await tokensLeft(key)).toBe(1_000), 5_000);

  const refused = await keyWith({ tpm: 600 });
  const response = await edge.complete(refused, { stream: true, prompt: "a", max_tokens: 50 });
  expect(await response.json()).toMatchObject({ error: { code: "request_exceeds_limit" } });
  await vi.waitFor(async () => expect(await tokensLeft(refused)).toBe(600), 5_000);
});

test("limits change from the next request on, and what was used stays used", async () => {
  const { id, value } = await edge.createKey({ rpm: 2 });
  for (const expected of [200, 200, 429]) expect((await edge.complete(value, {})).status).toBe(expected);
  expect((await edge.admin("POST", `/${id}`, { rpm: 3 })).status).toBe(200);
  for (const expected of [200, 429]) expect((await edge.complete(value, {})).status).toBe(expected);
  expect((await edge.admin("POST", `/${id}`, { rpm: 0 })).status).toBe(400);
});

test("a tier is the engines' priority, for keys that may use it", async () => {
  const key = await keyWith({ service_tiers: ["default", "priority"] });
  for (const service_tier of ["auto", "default", "priority", "fast"]) await edge.complete(key, { service_tier });
  expect(region.received.map(({ passport }) => passport?.priority)).toEqual([0, 0, -1, -1]);
  const refused = await edge.complete(key, { service_tier: "flex" });
  expect(refused.status).toBe(403);
  expect(await refused.json()).toMatchObject({ error: { code: "permission_denied", param: "service_tier" } });
  expect((await edge.complete(key, { service_tier: "express" })).status).toBe(400);
});
