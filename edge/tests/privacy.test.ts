// What callers send stays with them and the regions: secrets and contents are in no log line, and no refusal repeats them.
import { generateKeyPairSync } from "node:crypto";
import { exportJWK, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { dieMidStream, refuseWith, streamTokens } from "./support/behaviours.ts";
import { adminKey, Edge } from "./support/edge.ts";
import { startHarnessWorker } from "./support/harness-worker.ts";
import type { Behaviour, MockRegion } from "./support/mock-region.ts";
import { respondWith } from "./support/response-behaviours.ts";

const content = "a-very-private-thought";

let edge: Edge;
let region: MockRegion;
let key: string;
let keyId: string;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
  region = edge.region("amsterdam");
  ({ id: keyId, value: key } = await edge.createKey());
});
afterAll(async () => edge.stop());

const answer: Behaviour = (response) => response.writeHead(200, { "content-type": "application/json" }).end("{}");
beforeEach(() => {
  region.behaviour = answer;
});

async function post(path: string, body: object | string, headers: Record<string, string> = {}): Promise<Response> {
  return edge.fetch(path, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

const chat = { model: "pocket", messages: [{ role: "user", content }] };

/** Everything that a caller can send, in every way that it can go. */
const ways: Readonly<Record<string, () => Promise<Response>>> = {
  "a chat": async () => post("/v1/chat/completions", chat),
  "a chat that no region answers": async () => {
    region.behaviour = refuseWith(503);
    return post("/v1/chat/completions", chat);
  },
  "a region that repeats the prompt in its error": async () => {
    region.behaviour = (response) => response.writeHead(400).end(JSON.stringify({ error: { message: content } }));
    return post("/v1/chat/completions", chat);
  },
  "a stream whose region dies": async () => {
    region.behaviour = dieMidStream;
    return post("/v1/chat/completions", { ...chat, stream: true });
  },
  "a run under an idempotency key, and its retry": async () => {
    const headers = { "idempotency-key": content };
    await (await post("/v1/chat/completions", chat, headers)).text();
    await (await post("/v1/chat/completions", { ...chat, n: 2 }, headers)).text();
    return post("/v1/chat/completions", chat, headers);
  },
  "a text completion": async () => post("/v1/completions", { model: "pocket", prompt: content }),
  "an embedding": async () => post("/v1/embeddings", { model: "pocket", input: content }),
  "a text to tokenize": async () => post("/v1/tokenize", { model: "pocket", prompt: content }),
  "a response": async () => {
    region.behaviour = respondWith(content);
    return post("/v1/responses", { model: "pocket", input: content, instructions: content });
  },
  "a response in the background": async () => {
    region.behaviour = respondWith(content);
    return post("/v1/responses", { model: "pocket", input: content, background: true });
  },
  "a file": async () => {
    const body = new FormData();
    body.set("purpose", "batch");
    body.set("file", new Blob([content]), `${content}.jsonl`);
    return edge.fetch("/v1/files", { method: "POST", headers: { authorization: `Bearer ${key}` }, body });
  },
  "JSON that breaks off": async () => post("/v1/chat/completions", `{"model": "pocket", "${content}"`),
  "a parameter that is not there": async () => post("/v1/responses", { model: "pocket", input: "", x: content }),
  "a value of the wrong kind": async () => post("/v1/responses", { model: "pocket", input: 1, tools: content }),
  "a service tier that there is not": async () => post("/v1/chat/completions", { ...chat, service_tier: content }),
  "a key that was mistyped": async () =>
    edge.complete(`${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`, { messages: chat.messages }),
  "a key that is no key": async () => edge.complete(`sk-${content}`, {}),
  "a token of nobody": async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const claims = new SignJWT({ sub: content }).setProtectedHeader({ alg: "EdDSA", kid: content });
    return edge.complete(await claims.setIssuer(content).setExpirationTime("1 minute").sign(privateKey), {});
  },
  "client credentials": async () =>
    edge.fetch("/oauth/token", {
      method: "POST",
      body: new URLSearchParams({ grant_type: "client_credentials", client_id: keyId, client_secret: key }),
    }),
  "client credentials that are wrong": async () =>
    edge.fetch("/oauth/token", {
      method: "POST",
      body: new URLSearchParams({ grant_type: content, client_id: content, client_secret: content, scope: content }),
    }),
  "a key of the administration that is wrong": async () => edge.organization("GET", "/projects", undefined, content),
  "an administrator's mistake": async () => edge.admin("POST", "", { name: "x", allowlist: [content], [content]: 1 }),
  "an issuer with a secret key": async () => {
    const { privateKey } = generateKeyPairSync("ed25519");
    const jwks = { keys: [{ ...(await exportJWK(privateKey)), kid: content }] };
    return edge.organization("POST", "/issuers", { issuer: "https://x.example", audiences: ["x"], jwks });
  },
};

test("no log line holds what callers sent, or a secret", async () => {
  for (const ask of Object.values(ways)) await (await ask()).text();
  region.behaviour = streamTokens(1);
  const last = (await edge.complete(key, { stream: true })).headers.get("x-request-id") ?? "";
  await vi.waitUntil(() => edge.worker.logs().join("\n").includes(last), 10_000);
  const lines = edge.worker.logs().filter((line) => line.startsWith("{"));
  expect(lines.length).toBeGreaterThan(Object.keys(ways).length);
  const secrets = [content, key, key.split("-")[3] ?? "", adminKey, "tag-secret-of", "receipt-secret-of", "eyJ"];
  for (const secret of secrets) expect(lines.filter((line) => line.includes(secret))).toEqual([]);
});

test("each log line is one JSON object with a level and an event", async () => {
  await (await post("/v1/chat/completions", chat)).text();
  const lines = edge.worker.logs().filter((line) => line.startsWith("{"));
  for (const line of lines) {
    expect(JSON.parse(line)).toMatchObject({
      level: expect.stringMatching(/^(info|error)$/),
      event: expect.any(String),
    });
  }
});

test.each(Object.entries(ways))("what refuses %s repeats nothing of it", async (_, ask) => {
  const response = await ask();
  const text = await response.text();
  // What a region says is the caller's to read.
  const isOwnRefusal = !response.ok && !response.headers.has("x-sluice-region");
  expect(isOwnRefusal && text.includes(content)).toBe(false);
  expect(text).not.toContain(key);
});
