import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { refuseWith, streamForever, streamTokens } from "./support/behaviours.ts";
import { Edge } from "./support/edge.ts";
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
async function burst(key: string, body: object): Promise<number[]> {
  return Promise.all(
    Array.from({ length: numInBurst }, async (_, index) => {
      if (index % 2 === 1) return completeByTwin(key, body);
      const response = await edge.complete(key, body);
      if (response.status !== 200) await response.body?.cancel();
      return response.status;
    }),
  );
}

test.each([
  { limits: { rpm: 17 }, behaviour: streamTokens(1) },
  { limits: { rpm: 17 }, behaviour: refuseWith(500) },
  { limits: { tokens_per_month: 17 * 60 + 59 }, behaviour: streamForever },
])("a burst through two Workers reaches the region exactly 17 times: $limits", async ({ limits, behaviour }) => {
  const { value } = await edge.createKey(limits);
  region.behaviour = behaviour;
  const statuses = await burst(value, { stream: true, prompt: Array(10).fill(1), max_tokens: 50 });
  expect(region.received).toHaveLength(17);
  expect(statuses.filter((status) => status === 429)).toHaveLength(numInBurst - 17);
});

test("a key that one Worker's administrator revoked is refused by the other from the next request on", async () => {
  const { id, value } = await edge.createKey();
  region.behaviour = streamTokens(1);
  expect(await completeByTwin(value, {})).toBe(200);
  await edge.admin("DELETE", `/${id}`);
  expect(await completeByTwin(value, {})).toBe(401);
});
