import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Edge } from "./support/edge.ts";
import { startHarnessWorker } from "./support/harness-worker.ts";
import type { MockRegion } from "./support/mock-region.ts";

let edge: Edge;
let region: MockRegion;
let key: string;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
  region = edge.region("amsterdam");
  key = (await edge.createKey()).value;
});
afterAll(async () => edge.stop());
beforeEach(() => {
  region.received.length = 0;
});

const authorized = (value: string) => ({ authorization: `Bearer ${value}`, "content-type": "application/json" });

test.each(["tokenize", "detokenize"])("/v1/%s counts as a request, and uses no tokens", async (what) => {
  const { value } = await edge.createKey({ rpd: 2, tpm: 1_000 });
  const body = JSON.stringify({ model: "pocket", prompt: "x".repeat(100_000) });
  const ask = async () => edge.fetch(`/v1/${what}`, { method: "POST", headers: authorized(value), body });
  const replies = [await ask(), await ask(), await ask()];
  expect(replies.map(({ status }) => status)).toEqual([200, 200, 429]);
  expect(replies[1]?.headers.get("x-ratelimit-remaining-tokens")).toBe("1000");
  expect(region.received.map(({ url, body: sent }) => [url, sent])).toEqual([
    [`/v1/${what}`, body],
    [`/v1/${what}`, body],
  ]);
});

test("a model that the key may not use has no tokens for it", async () => {
  const { value } = await edge.createKey({ models: ["other"] });
  const body = JSON.stringify({ model: "pocket", prompt: "a" });
  const response = await edge.fetch("/v1/tokenize", { method: "POST", headers: authorized(value), body });
  expect(response.status).toBe(404);
  expect(region.received).toHaveLength(0);
});

test("HEAD is answered as GET is, without the body", async () => {
  const response = await edge.fetch("/v1/models", { method: "HEAD", headers: authorized(key) });
  expect([response.status, await response.text()]).toEqual([200, ""]);
  expect(region.received[0]?.method).toBe("GET");
});

test.each([
  ["/v1/chat/completions", "POST, OPTIONS"],
  ["/v1/models", "GET, HEAD, OPTIONS"],
])("OPTIONS on %s tells what is allowed", async (path, allow) => {
  const response = await edge.fetch(path, { method: "OPTIONS" });
  expect([response.status, response.headers.get("allow")]).toEqual([204, allow]);
});

test.each([
  { what: "an answer", ask: async () => edge.complete(key, {}) },
  { what: "a refusal", ask: async () => edge.complete(key, "{") },
  { what: "an unknown path", ask: async () => edge.fetch("/v1/nothing") },
])("$what says its request id, its time and the version", async ({ ask }) => {
  const { headers } = await ask();
  expect(headers.get("x-request-id")).toMatch(/^req_/);
  expect(headers.get("openai-version")).toBe("2020-10-01");
  expect(Number(headers.get("openai-processing-ms") ?? "x")).toBeGreaterThanOrEqual(0);
});
