import { afterAll, beforeAll, expect, test } from "vitest";
import { type CreatedKey, Edge } from "./support/edge.ts";
import { type HarnessWorker, startHarnessWorker } from "./support/harness-worker.ts";

let edge: Edge<HarnessWorker>;
let key: CreatedKey;
let other: CreatedKey;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
  key = await edge.createKey({ rpm: 100, allowlist: ["203.0.113.0/24"] });
  other = await edge.createKey();
  const database = await edge.worker.database();
  for (const table of ["audit_log", "api_keys", "service_accounts", "admin_api_keys", "projects", "organizations"]) {
    await database.prepare(`DROP TABLE ${table}`).run();
  }
});
afterAll(async () => edge.stop());

const inside = { headers: { "cf-connecting-ip": "203.0.113.7" } };

test("inference goes on without D1, a denial that cannot be audited too", async () => {
  expect((await edge.complete(key.value, {}, inside)).status).toBe(200);
  expect((await edge.complete(key.value, { stream: true }, inside)).status).toBe(200);
  expect((await edge.complete(key.value, {})).status).toBe(403);
  expect((await edge.complete(key.value, {}, inside)).status).toBe(200);
});

test.each([
  ["GET", "/projects"],
  ["POST", "/projects"],
  ["GET", "/projects/proj_default/api_keys"],
  ["POST", "/projects/proj_default/api_keys"],
  ["GET", "/audit_logs"],
  ["GET", "/admin_api_keys"],
  ["POST", "/admin_api_keys"],
])("%s %s says that the database is unreachable, and when to come back", async (method, path) => {
  const response = await edge.organization(method, path, method === "POST" ? { name: "x" } : undefined);
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("1");
  const { error } = (await response.json()) as { error: { code: string; message: string } };
  expect(error.code).toBe("unavailable");
  expect(error.message).toContain("database cannot be reached");
  expect(error.message).not.toMatch(/table|sql/i);
});

test("a change that cannot be audited is not made", async () => {
  expect((await edge.admin("POST", `/${key.id}`, { models: [] })).status).toBe(503);
  expect((await edge.complete(key.value, {}, inside)).status).toBe(200);
});

test("a key is revoked even so", async () => {
  expect((await edge.complete(other.value, {})).status).toBe(200);
  expect((await edge.admin("DELETE", `/${other.id}`)).status).toBe(503);
  expect((await edge.complete(other.value, {})).status).toBe(401);
});

test("what needs no database is told", async () => {
  expect((await edge.organization("GET", "/regions")).status).toBe(200);
  expect((await edge.organization("GET", "/engines")).status).toBe(200);
});
