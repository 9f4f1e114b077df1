import { afterAll, beforeAll, expect, test } from "vitest";
import { adminKey, Edge } from "./support/edge.ts";
import { startHarnessWorker } from "./support/harness-worker.ts";

let edge: Edge;
let key: string;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"], {
    CORS_ORIGINS: "https://app.example, https://b.example",
  });
  key = (await edge.createKey()).value;
});
afterAll(async () => edge.stop());

async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string } }).error.code;
}

test.each([
  { what: "an answer", ask: async () => edge.complete(key, {}) },
  { what: "a refusal", ask: async () => edge.fetch("/v1/models") },
  { what: "an unknown path", ask: async () => edge.fetch("/nothing") },
])("$what tells browsers to sniff, frame and run nothing of it", async ({ ask }) => {
  const { headers } = await ask();
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
  expect(headers.get("strict-transport-security")).toContain("max-age=31536000");
});

test("a page of an allowed origin may ask, and read the headers that it needs", async () => {
  const headers = {
    origin: "https://app.example",
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-stainless-lang",
  };
  const preflight = await edge.fetch("/v1/chat/completions", { method: "OPTIONS", headers });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect(preflight.headers.get("access-control-allow-headers")).toContain("x-stainless-lang");
  const response = await edge.complete(key, {}, { headers: { origin: "https://app.example" } });
  expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example");
  expect(response.headers.get("access-control-expose-headers")).toContain("x-ratelimit-remaining-tokens");
  expect(response.headers.get("vary")).toMatch(/origin/i);
});

test("a page may read why it was refused", async () => {
  const response = await edge.fetch("/v1/models", { headers: { origin: "https://app.example" } });
  expect(response.status).toBe(401);
  expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example");
});

test("a page of another origin may not", async () => {
  const headers = { origin: "https://evil.example", "access-control-request-method": "POST" };
  const preflight = await edge.fetch("/v1/chat/completions", { method: "OPTIONS", headers });
  expect(preflight.headers.has("access-control-allow-origin")).toBe(false);
});

test("a key may be bound to some of the origins", async () => {
  const { value } = await edge.createKey({ origins: ["https://app.example"] });
  const from = async (origin: string) => edge.complete(value, {}, { headers: { origin } });
  expect((await from("https://app.example")).status).toBe(200);
  expect(await codeOf(await from("https://b.example"))).toBe("origin_not_authorized");
  expect((await edge.complete(value, {})).status).toBe(200);
  expect((await edge.admin("POST", "", { name: "x", origins: ["https://app.example/path"] })).status).toBe(400);
});

test.each([
  { what: "too many headers", headers: Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`x-h-${n}`, "1"])) },
  // Under the 16 KiB that Node's client and workerd take for one header.
  {
    what: "too large headers",
    headers: Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`x-h-${n}`, "a".repeat(8_000)])),
  },
])("$what are refused", async ({ headers }) => {
  const response = await edge.complete(key, {}, { headers });
  expect(response.status).toBe(431);
  expect(await codeOf(response)).toBe("headers_too_large");
});

test("names that mean something to JavaScript are names like any other", async () => {
  const body = '{"model":"pocket","__proto__":{"stream":true},"constructor":{"prototype":{"stream":true}}}';
  const response = await edge.complete(key, body);
  expect(response.status).toBe(200);
  expect(edge.region("amsterdam").received.at(-1)?.body).toBe(body);
  expect(({} as { stream?: unknown }).stream).toBeUndefined();
});

async function makeKey(body: string): Promise<Response> {
  const headers = { authorization: `Bearer ${adminKey}`, "content-type": "application/json" };
  return edge.fetch("/v1/organization/projects/proj_default/api_keys", { method: "POST", headers, body });
}

test.each(['{"name":"x","__proto__":{"scopes":["admin"]}}', '{"name":"x","constructor":{"scopes":["admin"]}}'])(
  "%s is an unknown parameter to the administration",
  async (body) => {
    const response = await makeKey(body);
    expect(response.status).toBe(400);
    expect(await codeOf(response)).toBe("unknown_parameter");
  },
);

test("a limit for a model of such a name is that model's, and no other's", async () => {
  const made = await makeKey('{"name":"x","model_limits":{"constructor":{"rpd":1},"__proto__":{"rpd":1}}}');
  const { value } = (await made.json()) as { value: string };
  const statusOf = async (model: string) => (await edge.complete(value, { model })).status;
  // No region has such a model; the limit counts who asks for it all the same.
  expect([await statusOf("constructor"), await statusOf("constructor")]).toEqual([404, 429]);
  expect([await statusOf("pocket"), await statusOf("pocket"), await statusOf("toString")]).toEqual([200, 200, 404]);
});
