import { createHash } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Edge } from "./support/edge.ts";
import { type HarnessWorker, startHarnessWorker } from "./support/harness-worker.ts";
import type { MockRegion } from "./support/mock-region.ts";

const maxBodyBytes = 10_000;

let edge: Edge<HarnessWorker>;
let region: MockRegion;
let key: string;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"], { MAX_BODY_BYTES: String(maxBodyBytes) });
  region = edge.region("amsterdam");
  region.models = ["pocket", "org/name"];
  key = (await edge.createKey()).value;
});
afterAll(async () => edge.stop());

beforeEach(() => {
  region.received.length = 0;
});

/** What a caller sees of a refusal, and whether a region saw the request. */
async function refusalOf(response: Response): Promise<object> {
  const { error } = (await response.json()) as { error: object };
  const isNamed = response.headers.get("x-request-id")?.startsWith("req_");
  return { status: response.status, isNamed, ...error, numReceived: region.received.length };
}

function refused(status: number, error: object): object {
  return { status, isNamed: true, message: expect.any(String), ...error, numReceived: 0 };
}

test("the passport says who asks, for what and with which bytes", async () => {
  const body = '{ "model": "pocket",\n "messages": [{"role":"user","content":"é 🌊"}] }';
  await edge.complete(key, body, { headers: { "cf-connecting-ip": "203.0.113.7" } });
  const [received] = region.received;
  expect(received?.body).toBe(body);
  expect(received?.passport).toMatchObject({
    org: "org_default",
    key: key.split("-")[2],
    ip: "203.0.113.7",
    priority: 0,
    bodySha256: createHash("sha256").update(body).digest("base64url"),
  });
});

test("a request has one id, ours, in the reply, the passport and the region's headers", async () => {
  const headers = { "x-request-id": "forged", "x-client-request-id": "my-own-id" };
  const response = await edge.complete(key, {}, { headers });
  const requestId = response.headers.get("x-request-id");
  expect(requestId).toMatch(/^req_[0-9a-z]{32}$/);
  expect(response.headers.get("x-client-request-id")).toBe("my-own-id");
  const [received] = region.received;
  expect(received?.passport?.rid).toBe(requestId);
  expect(received?.headers["x-request-id"]).toBe(requestId);
  expect(received?.headers["x-client-request-id"]).toBe("my-own-id");
});

test("credentials, cookies and forged internal headers do not reach a region", async () => {
  await edge.complete(key, {}, { headers: { cookie: "a=b", "x-sluice-passport": "forged", "x-sluice-org": "other" } });
  const headers = region.received[0]?.headers ?? {};
  expect(headers).not.toHaveProperty("authorization");
  expect(headers).not.toHaveProperty("cookie");
  expect(headers).not.toHaveProperty("x-sluice-org");
  expect(region.received[0]?.passport).toBeDefined();
});

test("only allowed headers come back from a region", async () => {
  const headers = {
    "content-type": "application/json",
    "openai-version": "2020-10-01",
    "set-cookie": "a=b",
    server: "x",
  };
  region.behaviour = (response) => response.writeHead(200, headers).end("{}");
  const response = await edge.complete(key, {});
  expect(response.headers.get("openai-version")).toBe("2020-10-01");
  expect(response.headers.has("set-cookie")).toBe(false);
  expect(response.headers.has("server")).toBe(false);
});

test("models are asked of a region, names with slashes included", async () => {
  const headers = { authorization: `Bearer ${key}` };
  expect((await edge.fetch("/v1/models", { headers })).status).toBe(200);
  expect((await edge.fetch("/v1/models/org%2Fname", { headers })).status).toBe(200);
  const asked = region.received.map(({ method, url }) => `${method} ${url}`);
  expect(asked).toEqual(["GET /v1/models", "GET /v1/models/org%2Fname"]);
  expect(region.received[0]?.passport).not.toHaveProperty("bodySha256");
});

test.each([
  { what: "malformed JSON", body: '{"model": ', error: { code: "invalid_json" } },
  { what: "JSON that is no object", body: "[1]", error: { code: "invalid_json" } },
  {
    what: "JSON nested too deep",
    body: `{"model":"pocket","x":${"[".repeat(80)}${"]".repeat(80)}}`,
    error: { code: "invalid_json" },
  },
  { what: "no model", body: "{}", error: { code: "missing_required_parameter", param: "model" } },
  { what: "a model that is no text", body: '{"model": 1}', error: { code: "invalid_value", param: "model" } },
])("$what is refused at the edge", async ({ body, error }) => {
  expect(await refusalOf(await edge.complete(key, body))).toMatchObject(refused(400, error));
});

test("a body of another type is refused", async () => {
  const response = await edge.complete(key, {}, { headers: { "content-type": "text/plain" } });
  expect(await refusalOf(response)).toMatchObject(refused(415, { code: "unsupported_media_type" }));
});

test("a compressed body is refused as one, and a body that says it is not is read", async () => {
  const compressed = await edge.complete(key, {}, { headers: { "content-encoding": "gzip" } });
  expect(await refusalOf(compressed)).toMatchObject(
    refused(415, { code: "unsupported_media_type", message: expect.stringContaining("Content-Encoding") }),
  );
  expect((await edge.complete(key, {}, { headers: { "content-encoding": "identity" } })).status).toBe(200);
});

test("a body over the limit is refused, whether or not it declares its size", async () => {
  const body = JSON.stringify({ model: "pocket", prompt: "x".repeat(maxBodyBytes) });
  expect(await refusalOf(await edge.complete(key, body))).toMatchObject(refused(413, { code: "request_too_large" }));

  const init = { method: "POST", headers: { authorization: `Bearer ${key}`, "content-type": "application/json" } };
  const chunked = { ...init, body: new Blob([body]).stream(), duplex: "half" } as const;
  expect(await refusalOf(await edge.fetch("/v1/completions", chunked))).toMatchObject(
    refused(413, { code: "request_too_large" }),
  );
});

test("embeddings go the way of completions, byte for byte", async () => {
  const body = '{ "model": "pocket",\n "input": ["é", "🌊"] }';
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  expect((await edge.fetch("/v1/embeddings", { method: "POST", headers, body })).status).toBe(200);
  const [received] = region.received;
  expect(received).toMatchObject({ url: "/v1/embeddings", body });
  expect(received?.passport?.bodySha256).toBe(createHash("sha256").update(body).digest("base64url"));
});

test("an unknown path is 404, a known one with another method 405", async () => {
  expect(await refusalOf(await edge.fetch("/v1/unknown"))).toMatchObject(refused(404, { code: "unknown_url" }));
  for (const path of ["/v1/chat/completions", "/v1/embeddings"]) {
    const response = await edge.fetch(path);
    expect(response.headers.get("allow")).toBe("POST");
    expect(await refusalOf(response)).toMatchObject(refused(405, { code: "method_not_allowed" }));
  }
});

// Last, because nothing mends the database.
test("requests are answered while the directory is broken, and its loss is no key's gain", async () => {
  const env = await edge.worker.handle.getEnv();
  await env["DB"].exec("DROP TABLE api_keys");
  expect((await edge.complete(key, {})).status).toBe(200);
  expect((await edge.admin("GET")).status).toBe(503);
  expect((await edge.admin("POST", "", { name: "x" })).status).toBe(503);
  const keyId = key.split("-")[2];
  expect((await edge.admin("DELETE", `/${keyId}`)).status).toBe(503);
  expect((await edge.complete(key, {})).status).toBe(401);
});
