import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { refuseWith, streamForever, streamTokens } from "./support/behaviours.ts";
import { adminKey, Edge } from "./support/edge.ts";
import type { MockRegion } from "./support/mock-region.ts";
import { startTwinWorkers, type TwinWorkers } from "./support/twin-workers.ts";

const numInBurst = 200;

let edge: Edge<TwinWorkers>;
let region: MockRegion;

beforeAll(async () => {
  edge = await Edge.start(startTwinWorkers, ["amsterdam"]);
  region = edge.region("amsterdam");
});
afterAll(async () => edge.stop());

beforeEach(() => {
  region.received.length = 0;
  // Charged as reserved, so that nothing comes back while the burst lasts.
  region.usageOf = () => "missing";
});

async function completeByTwin(key: string, body: object): Promise<number> {
  const response = await edge.worker.twin.fetch("http://edge.test/v1/chat/completions", {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "pocket", ...body }),
  });
  await response.body?.cancel();
  return response.status;
}

/** Half of them through each Worker, all at once. */
async function burst(key: string, body: object, size = numInBurst): Promise<number[]> {
  return Promise.all(
    Array.from({ length: size }, async (_, index) => {
      if (index % 2 === 1) return completeByTwin(key, body);
      const response = await edge.complete(key, body);
      if (response.status !== 200) await response.body?.cancel();
      return response.status;
    }),
  );
}

test.each([
  { limits: { rpd: 17 }, behaviour: streamTokens(1) },
  { limits: { rpd: 17 }, behaviour: refuseWith(500) },
  { limits: { tokens_per_month: 17 * 60 + 59 }, behaviour: streamForever },
])("a burst through two Workers reaches the region exactly 17 times: $limits", async ({ limits, behaviour }) => {
  const { value } = await edge.createKey(limits);
  region.behaviour = behaviour;
  const statuses = await burst(value, { stream: true, prompt: Array(10).fill(1), max_tokens: 50 });
  expect(region.received).toHaveLength(17);
  expect(statuses.filter((status) => status === 429)).toHaveLength(numInBurst - 17);
});

test("a burst against 17 a minute admits 17, and what refilled while it lasted", async () => {
  const { value } = await edge.createKey({ rpm: 17 });
  region.behaviour = streamTokens(1);
  const startedAtMs = performance.now();
  await burst(value, { stream: true });
  const numRefilled = Math.floor(((performance.now() - startedAtMs) * 17) / 60_000);
  expect(region.received.length).toBeGreaterThanOrEqual(17);
  expect(region.received.length).toBeLessThanOrEqual(17 + numRefilled);
});

test("a key that one Worker's administrator revoked is refused by the other from the next request on", async () => {
  const { id, value } = await edge.createKey();
  region.behaviour = streamTokens(1);
  expect(await completeByTwin(value, {})).toBe(200);
  await edge.admin("DELETE", `/${id}`);
  expect(await completeByTwin(value, {})).toBe(401);
});

async function setLimits(path: string, limits: object): Promise<void> {
  const init = {
    method: "POST",
    headers: { authorization: `Bearer ${adminKey}`, "content-type": "application/json" },
    body: JSON.stringify(limits),
  };
  const response = await edge.fetch(`/v1/organization/${path}`, init);
  expect(response.status).toBe(200);
}

test.each(["limits", "projects/proj_default/limits"])(
  "a ceiling in /%s holds for all keys together, through two Workers, and is used but for its stated share",
  async (path) => {
    await setLimits(path, { rpd: 24 });
    region.behaviour = streamTokens(1);
    const keys = await Promise.all(Array.from({ length: 4 }, async () => (await edge.createKey()).value));
    await Promise.all(keys.map(async (key) => burst(key, { stream: true }, 20)));
    expect(region.received.length).toBeLessThanOrEqual(24);
    // A slice's life of refill, and what each gate may still hold.
    expect(region.received.length).toBeGreaterThanOrEqual(24 - 1 - 4);
    await setLimits(path, {});
  },
);
