import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { Edge } from "./support/edge.ts";
import { startHarnessWorker } from "./support/harness-worker.ts";
import type { MockRegion } from "./support/mock-region.ts";

let edge: Edge;
let region: MockRegion;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
  region = edge.region("amsterdam");
});
afterAll(async () => edge.stop());

beforeEach(() => {
  region.received.length = 0;
});

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

test("a new key works at once, and its value is shown only when it is made", async () => {
  const created = await edge.createKey({ name: "first" });
  expect(created.value).toMatch(/^sk-sluice-[0-9a-z]{16}-[0-9a-z]{40}-[0-9a-z]{10}$/);
  expect((await edge.complete(created.value, {})).status).toBe(200);
  const listing = await (await edge.admin("GET")).text();
  expect(listing).toContain(created.id);
  expect(listing).not.toContain(created.value.slice(0, 40));
});

test("a request without a key is refused", async () => {
  const response = await edge.fetch("/v1/models");
  expect(response.status).toBe(401);
  expect(await codeOf(response)).toBe("missing_api_key");
});

test.each([
  { what: "something else", forge: () => "sk-proj-abcdef" },
  { what: "a mistyped key", forge: (key: string) => key.slice(0, -1) + (key.endsWith("0") ? "1" : "0") },
  { what: "a key with a tag of its own making", forge: (key: string) => `${key.slice(0, -10)}0123456789` },
  { what: "another key's secret", forge: (key: string) => key.replace(/-[0-9a-z]{40}-/, `-${"0".repeat(40)}-`) },
])("$what is refused and reaches no region", async ({ forge }) => {
  const { value } = await edge.createKey();
  const response = await edge.complete(forge(value), {});
  expect(response.status).toBe(401);
  expect(await codeOf(response)).toBe("invalid_api_key");
  expect(region.received).toHaveLength(0);
});

test("a revoked key is refused from the next request on", async () => {
  const { id, value } = await edge.createKey();
  expect((await edge.complete(value, {})).status).toBe(200);
  expect((await edge.admin("DELETE", `/${id}`)).status).toBe(200);
  const response = await edge.complete(value, {});
  expect(response.status).toBe(401);
  expect(await codeOf(response)).toBe("key_revoked");
  expect((await edge.admin("DELETE", `/${id}`)).status).toBe(200);
});

test("a key is refused once it has expired", async () => {
  const { value } = await edge.createKey({ expires_in_seconds: 1 });
  expect((await edge.complete(value, {})).status).toBe(200);
  await vi.waitFor(async () => expect(await codeOf(await edge.complete(value, {}))).toBe("key_expired"), 5_000);
});

test("the admin API opens to administrators alone, and only for what exists", async () => {
  expect((await edge.admin("GET", "", undefined, "not-the-admin-key")).status).toBe(401);
  const { value } = await edge.createKey();
  expect((await edge.admin("GET", "", undefined, value)).status).toBe(403);
  expect((await edge.admin("DELETE", "/0000000000000000")).status).toBe(404);
  expect((await edge.admin("POST", "", {})).status).toBe(400);
  expect((await edge.admin("POST", "", { name: "x", colour: "red" })).status).toBe(400);
});

test("the list pages from the newest key to the oldest", async () => {
  const made = [];
  for (let index = 0; index < 3; index += 1) made.push((await edge.createKey()).id);
  const first = (await (await edge.admin("GET", "?limit=2")).json()) as KeyPage;
  expect(first).toMatchObject({ object: "list", has_more: true });
  const second = (await (await edge.admin("GET", `?limit=1&after=${first.last_id}`)).json()) as KeyPage;
  expect(new Set([...first.data, ...second.data].map(({ id }) => id))).toEqual(new Set(made));
});

interface KeyPage {
  readonly data: readonly { readonly id: string }[];
  readonly last_id: string;
}

test("neither keys nor prompts are ever logged", async () => {
  const { value } = await edge.createKey();
  await edge.complete(value, { messages: [{ role: "user", content: "a very private prompt" }] });
  await edge.complete(`${value}x`, { messages: [{ role: "user", content: "a very private prompt" }] });
  await edge.complete(value, '{"model": "pocket", "a very private prompt"');
  await vi.waitUntil(() => edge.worker.logs().join("\n").includes("invalid_json"), 10_000);
  const logs = edge.worker.logs().join("\n");
  expect(logs).toContain('"event":"request"');
  expect(logs).not.toContain("private prompt");
  expect(logs).not.toContain(value.split("-")[3]);
  expect(logs).not.toContain("admin-key-of-the-tests");
});

test("a key with an allowlist is used from its networks only, however the address is written", async () => {
  const { value } = await edge.createKey({ allowlist: ["203.0.113.0/24", "2001:db8::/32"], denylist: ["203.0.113.9"] });
  const from = async (ip: string) => edge.complete(value, {}, { headers: { "cf-connecting-ip": ip } });
  for (const ip of ["203.0.113.7", "::ffff:203.0.113.7", "2001:db8::7"]) expect((await from(ip)).status).toBe(200);
  for (const ip of ["203.0.113.9", "203.0.114.7", "2001:db9::7"]) {
    const response = await from(ip);
    expect(response.status).toBe(403);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ error: { code: "ip_not_authorized", type: "invalid_request_error" } });
    expect(text).not.toMatch(/203\.0\.11|2001:db|list/);
  }
});

test("only the address that Cloudflare saw counts", async () => {
  const { value } = await edge.createKey({ allowlist: ["203.0.113.0/24"] });
  const claims = { "x-forwarded-for": "203.0.113.7", "x-real-ip": "203.0.113.7", "true-client-ip": "203.0.113.7" };
  const headers = { "cf-connecting-ip": "198.51.100.1", ...claims };
  expect((await edge.complete(value, {}, { headers })).status).toBe(403);
});

test("an allowlist can be changed, and holds from the next request on", async () => {
  const { id, value } = await edge.createKey();
  const from = async (ip: string) => (await edge.complete(value, {}, { headers: { "cf-connecting-ip": ip } })).status;
  expect(await from("198.51.100.1")).toBe(200);
  await edge.admin("POST", `/${id}`, { allowlist: ["203.0.113.0/24"] });
  expect(await from("198.51.100.1")).toBe(403);
  expect(await from("203.0.113.7")).toBe(200);
});

test("an allowlist of ten thousand networks holds each of them, and no other", async () => {
  const networks = Array.from({ length: 10_000 }, (_, n) => `10.${n >> 7}.${(n & 127) * 2}.0/24`);
  const { value } = await edge.createKey({ allowlist: networks });
  const from = async (ip: string) => (await edge.complete(value, {}, { headers: { "cf-connecting-ip": ip } })).status;
  for (const ip of ["10.0.0.1", "10.40.44.255", "10.78.30.7"]) expect(await from(ip)).toBe(200);
  for (const ip of ["10.0.1.1", "10.40.45.0", "10.78.32.7", "9.255.255.255"]) expect(await from(ip)).toBe(403);
});

test.each([
  { field: "allowlist", value: ["10.0.0.0/8", "10.0.0.0/33"], param: "allowlist[1]" },
  { field: "denylist", value: ["example.com"], param: "denylist[0]" },
  { field: "allowlist", value: Array.from({ length: 10_001 }, () => "10.0.0.0/8"), param: "allowlist" },
  { field: "models", value: [""], param: "models[0]" },
  { field: "scopes", value: ["everything"], param: "scopes[0]" },
])("a key is not made with $field of $param", async ({ field, value, param }) => {
  const response = await edge.admin("POST", "", { name: "test", [field]: value });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param } });
});

test("a key's models are patterns, and what it may not use does not exist for it", async () => {
  const { value } = await edge.createKey({ models: ["pocket*"], denied_models: ["pocket-2"] });
  const statusOf = async (model: string) => (await edge.complete(value, { model })).status;
  expect(await statusOf("pocket")).toBe(200);
  expect(await statusOf("pocket-2")).toBe(404);
  expect(await statusOf("other")).toBe(404);
});

test("a key without the scope cannot infer", async () => {
  const { value } = await edge.createKey({ scopes: ["usage.read"] });
  const response = await edge.complete(value, {});
  expect(response.status).toBe(403);
  expect(await codeOf(response)).toBe("permission_denied");
});
