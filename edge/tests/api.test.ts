import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Edge } from "./support/edge.ts";
import { startHarnessWorker } from "./support/harness-worker.ts";
import type { MockRegion } from "./support/mock-region.ts";

let edge: Edge;
let region: MockRegion;
let key: string;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam", "newyork"]);
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

test("the input of a response is counted with what it goes on from, at no cost of tokens", async () => {
  const { value } = await edge.createKey({ tpm: 10_000 });
  const post = async (path: string, body: object) => {
    const sent = JSON.stringify({ model: "pocket", ...body });
    return edge.fetch(path, { method: "POST", headers: authorized(value), body: sent });
  };
  const unknown = await post("/v1/responses/input_tokens", { input: "a", previous_response_id: "resp_none" });
  expect([unknown.status, region.received.length]).toEqual([400, 0]);
  expect((await post("/v1/responses/input_tokens", { input: "a", temperature: 1 })).status).toBe(400);
  const counted = await post("/v1/responses/input_tokens", { input: "x".repeat(100_000) });
  expect(counted.headers.get("x-ratelimit-remaining-tokens")).toBe("10000");
  expect(region.received.map(({ url }) => url)).toEqual(["/v1/responses/input_tokens"]);
});

test("a model that the key may not use has no tokens for it", async () => {
  const { value } = await edge.createKey({ models: ["other"] });
  const body = JSON.stringify({ model: "pocket", prompt: "a" });
  const response = await edge.fetch("/v1/tokenize", { method: "POST", headers: authorized(value), body });
  expect(response.status).toBe(404);
  expect(region.received).toHaveLength(0);
});

const card = (id: string) => ({
  id,
  object: "model" as const,
  created: 1,
  owned_by: "sluice",
  max_model_len: 4096,
  capabilities: {
    chat: true,
    completions: true,
    embeddings: false,
    tools: true,
    structured_output: true,
    reasoning: false,
  },
});
const list = async (value: string): Promise<unknown> => {
  const response = await edge.fetch("/v1/models", { headers: authorized(value) });
  return response.json();
};
const listed = (...ids: string[]) => ({ object: "list", data: ids.map(card) });
const within = { timeout: 15_000, interval: 250 };

describe("the list of models", () => {
  beforeAll(() => {
    region.modelCards = [card("pocket"), card("org/large")];
    edge.region("newyork").modelCards = [card("pocket"), card("small")];
  });

  test("is of all regions, each model once", async () => {
    await expect.poll(async () => list(key), within).toEqual(listed("pocket", "org/large", "small"));
    region.received.length = 0;
    await list(key);
    expect(region.received).toHaveLength(0);
  });

  test("has those that the key may use", async () => {
    const some = await edge.createKey({ models: ["pocket", "org/*"] });
    await expect.poll(async () => list(some.value), within).toEqual(listed("pocket", "org/large"));
    const none = await edge.createKey({ models: ["gpt-*"] });
    await expect.poll(async () => list(none.value), within).toEqual(listed());
  });

  test("has those of the key's jurisdictions", async () => {
    const bound = await edge.createKey({ jurisdictions: ["newyork"] });
    await expect.poll(async () => list(bound.value), within).toEqual(listed("pocket", "small"));
  });
});

test("HEAD is answered as GET is, without the body", async () => {
  const response = await edge.fetch("/v1/models/pocket", { method: "HEAD", headers: authorized(key) });
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
