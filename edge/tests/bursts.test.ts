// What limits promise, in bursts through two Workers, with callers who leave in every phase.
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { callersOf, Crowd, type Phase, phases, reservedTokens } from "./support/crowd.ts";
import { startDevTwins } from "./support/dev-twins.ts";
import { Edge, type Place } from "./support/edge.ts";

const numInBurst = 200;
const limit = 17;
/** What the engines count of each request. */
const usedTokens = 30;

let edge: Edge;
let crowd: Crowd;

beforeAll(async () => {
  // Far beyond what a loaded machine needs.
  const bounds = { STREAM_START_TIMEOUT_MS: "20000", ADMIT_TIMEOUT_MS: "20000" };
  edge = await Edge.start(startDevTwins, ["amsterdam"], bounds);
  const region = edge.region("amsterdam");
  region.usageOf = () => ({ promptTokens: 10, completionTokens: usedTokens - 10 });
  crowd = new Crowd(edge, region);
});
afterAll(async () => edge.stop());

beforeEach(async () => crowd.reset());

test.each(phases)("200 at once against 17 a minute: exactly 17 get in, whose callers leave %s", async (phase) => {
  const { value } = await edge.createKey({ rpm: limit });
  const { numIn, lastedMs, otherAnswers } = await crowd.burst(callersOf([value], numInBurst, () => phase));
  expect(otherAnswers).toEqual([]);
  // One more for every 3.5 s that the burst lasts.
  expect(numIn).toBeGreaterThanOrEqual(limit);
  expect(numIn).toBeLessThanOrEqual(limit + Math.floor((lastedMs * limit) / 60_000));
});

test.each(phases)(
  "tokens that are used are never one more than those of a minute, when callers leave %s",
  async (phase) => {
    const tpm = limit * reservedTokens + (reservedTokens - 1);
    const { value } = await edge.createKey({ tpm });
    const startedAtMs = performance.now();
    const first = await crowd.burst(callersOf([value], numInBurst, () => phase));
    expect(first.numIn * reservedTokens).toBeLessThanOrEqual(tpm + Math.floor((first.lastedMs * tpm) / 60_000));
    expect(first.numIn).toBeGreaterThanOrEqual(limit);
    // What they did not use comes back, and is used again.
    await vi.waitUntil(async () => (await tokensLeft(value)) > tpm - (first.numIn + 1) * usedTokens, 20_000);
    const second = await crowd.burst(callersOf([value], 60, () => phase));
    const most = tpm + Math.floor(((performance.now() - startedAtMs) * tpm) / 60_000);
    expect(first.numIn * usedTokens + second.numIn * reservedTokens).toBeLessThanOrEqual(most);
    expect(second.numIn).toBeGreaterThanOrEqual(Math.floor((tpm - first.numIn * usedTokens) / reservedTokens) - 1);
  },
);

/** A request that can never be admitted is told what is left, and uses nothing. */
async function tokensLeft(key: string): Promise<number> {
  const response = await edge.complete(key, { prompt: "a", max_tokens: 2_000_000_000 });
  await response.body?.cancel();
  return Number(response.headers.get("x-ratelimit-remaining-tokens"));
}

/** A project of its own, all of whose keys together have so many places. */
async function keysUnderCeiling(concurrency: number, count: number): Promise<string[]> {
  const project = (await (await edge.organization("POST", "/projects", { name: "burst" })).json()) as { id: string };
  const path = `/projects/${project.id}`;
  expect((await edge.organization("POST", `${path}/limits`, { concurrency })).status).toBe(200);
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const made = await edge.organization("POST", `${path}/api_keys`, { name: `key ${index}` });
      return ((await made.json()) as { value: string }).value;
    }),
  );
}

const continents = ["berlin", "newyork", "tokyo"] as const satisfies readonly Place[];

const shares = [
  { who: "a key", places: [], keys: async () => [(await edge.createKey({ concurrency: limit })).value] },
  { who: "a project's four keys", places: [], keys: async () => keysUnderCeiling(limit, 4) },
  {
    who: "a leased key on three continents",
    places: continents,
    keys: async () => [(await edge.createKey({ admission: "leased", concurrency: limit })).value],
  },
];

test.each(shares)("200 at once against 17 places of $who: exactly 17 run", async ({ places, keys }) => {
  const burst = await crowd.burst(callersOf(await keys(), numInBurst, () => "in mid-stream", places));
  expect(burst).toMatchObject({ numIn: limit, otherAnswers: [] });
});

function phaseOf(index: number): Phase {
  return phases[index % phases.length] ?? "at its end";
}

test.each(shares)(
  "of $who never more than 17 run, however their callers leave, and all who try again get in",
  async ({ places, keys }) => {
    const callers = callersOf(await keys(), 60, phaseOf, places);
    const statuses = await Promise.all(callers.map(async (caller) => crowd.pushIn(caller)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(crowd.mostOpen).toBeLessThanOrEqual(limit);
    // All seventeen at once are reached in a burst; see above.
    expect(crowd.mostOpen).toBeGreaterThan(limit / 2);
  },
);
