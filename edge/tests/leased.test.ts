import type { ServerResponse } from "node:http";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Edge, type Place } from "./support/edge.ts";
import { startHarnessWorker } from "./support/harness-worker.ts";

const callers = ["berlin", "newyork", "tokyo"] as const satisfies readonly Place[];

let edge: Edge;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
});
afterAll(async () => edge.stop());

test("callers on three continents together never get more than a leased key's limit", async () => {
  const { value } = await edge.createKey({ admission: "leased", rpd: 40 });
  const burst = callers.flatMap((from) => Array.from({ length: 30 }, async () => edge.complete(value, {}, { from })));
  const responses = await Promise.all(burst);
  const served = responses.filter(({ status }) => status === 200).length;
  expect(responses.every(({ status }) => status === 200 || status === 429)).toBe(true);
  expect(served).toBeLessThanOrEqual(39);
  expect(served).toBeGreaterThanOrEqual(39 - callers.length * 2);
});

test("callers on three continents together never get more than a leased key's limit of one model", async () => {
  const { id, value } = await edge.createKey({ admission: "leased", model_limits: { pocket: { rpd: 40 } } });
  expect(await (await edge.admin("GET", `/${id}`)).json()).toMatchObject({ model_limits: { pocket: { rpd: 40 } } });
  const burst = callers.flatMap((from) => Array.from({ length: 30 }, async () => edge.complete(value, {}, { from })));
  const served = (await Promise.all(burst)).filter(({ status }) => status === 200).length;
  expect(served).toBeLessThanOrEqual(39);
  expect(served).toBeGreaterThanOrEqual(39 - callers.length * 2);
  expect((await edge.complete(value, { model: "another" }, { from: "tokyo" })).status).not.toBe(429);
});

test("callers on three continents together have as many requests under way as a leased key's concurrency", async () => {
  const { value } = await edge.createKey({ admission: "leased", concurrency: 5 });
  const region = edge.region("amsterdam");
  const held: ServerResponse[] = [];
  region.behaviour = (response) => void held.push(response);
  const status: Record<number, number> = {};
  const burst = callers.flatMap((from) =>
    Array.from({ length: 10 }, async () => {
      const response = await edge.complete(value, {}, { from });
      await response.text();
      status[response.status] = (status[response.status] ?? 0) + 1;
    }),
  );
  await vi.waitFor(() => expect(status[429]).toBe(25), 10_000);
  expect(held).toHaveLength(5);
  for (const response of held) response.writeHead(200, { "content-type": "application/json" }).end("{}");
  await Promise.all(burst);
  expect(status).toEqual({ 200: 5, 429: 25 });
  region.behaviour = (response) => void response.writeHead(200, { "content-type": "application/json" }).end("{}");
  await vi.waitFor(async () => expect((await edge.complete(value, {}, { from: "tokyo" })).status).toBe(200), 5_000);
});

test("a leased key that was revoked is refused on every continent from the next request on", async () => {
  const { id, value } = await edge.createKey({ admission: "leased", tpm: 100_000 });
  for (const from of callers) expect((await edge.complete(value, {}, { from })).status).toBe(200);
  expect((await edge.admin("DELETE", `/${id}`)).status).toBe(200);
  for (const from of [...callers, undefined]) {
    const response = await edge.complete(value, {}, from === undefined ? {} : { from });
    expect(await response.json()).toMatchObject({ error: { code: "key_revoked" } });
  }
});

test("a leased key says so for life, and cannot have limits that cannot be divided", async () => {
  const { id } = await edge.createKey({ admission: "leased" });
  expect(id).toMatch(/^leased-/);
  expect(await (await edge.admin("GET", `/${id}`)).json()).toMatchObject({ admission: "leased" });
  expect((await edge.admin("POST", `/${id}`, { admission: "strict" })).status).toBe(400);
  const indivisible = { rpm: { rpm: 1 }, "model_limits.pocket.rpd": { model_limits: { pocket: { rpd: 1 } } } };
  for (const [param, terms] of Object.entries(indivisible)) {
    const refused = await edge.admin("POST", `/${id}`, terms);
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: { param } }]);
    expect((await edge.admin("POST", "", { name: "no", admission: "leased", ...terms })).status).toBe(400);
  }
});
