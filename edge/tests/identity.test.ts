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

test("the admin API opens to the admin key alone, and only for what exists", async () => {
  expect((await edge.admin("GET", "", undefined, "not-the-admin-key")).status).toBe(401);
  const { value } = await edge.createKey();
  expect((await edge.admin("GET", "", undefined, value)).status).toBe(401);
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
  await vi.waitUntil(() => edge.worker.logs().join("\n").includes("invalid_json"));
  const logs = edge.worker.logs().join("\n");
  expect(logs).toContain('"event":"request"');
  expect(logs).not.toContain("private prompt");
  expect(logs).not.toContain(value.split("-")[3]);
  expect(logs).not.toContain("admin-key-of-the-tests");
});
