// What the audit log says of changes and denials, and what nothing says.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Administration, type Json, secretOf } from "./support/administration.ts";
import { adminKey, Edge } from "./support/edge.ts";
import { type HarnessWorker, startHarnessWorker } from "./support/harness-worker.ts";
import { assertOpenAi } from "./support/openai-schemas.ts";

let edge: Edge<HarnessWorker>;
let call: Administration["call"];
let created: Administration["created"];
let auditOf: Administration["auditOf"];

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
  ({ call, created, auditOf } = new Administration(edge));
});
afterAll(async () => edge.stop());

/** What the entries say of names, in order. */
function namesOf({ data }: Json): unknown[] {
  return data.map(({ after }) => (after as Json)["name"]);
}

test("every change leaves an entry that says who, from where, and what", async () => {
  const admin = await created("/admin_api_keys", { name: "auditor" });
  const headers = {
    authorization: `Bearer ${admin.value}`,
    "content-type": "application/json",
    "cf-connecting-ip": "203.0.113.9",
  };
  const keys = "/v1/organization/projects/proj_default/api_keys";
  const post = async (path: string, body: object) => {
    const response = await edge.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    expect(response.status).toBe(200);
    return (await response.json()) as Json;
  };
  const key = await post(keys, { name: "audited", rpm: 5, models: ["pocket"] });
  await post(`${keys}/${key.id}`, { rpm: 7, models: null, allowlist: ["203.0.113.0/24"] });
  await post(`${keys}/${key.id}/rotate`, { overlap_seconds: 60 });
  await edge.fetch(`${keys}/${key.id}`, { method: "DELETE", headers });

  const entries = await auditOf(key.id);
  expect(entries.map(({ type }) => type)).toEqual([
    "api_key.deleted",
    "api_key.rotated",
    "api_key.updated",
    "api_key.created",
  ]);
  for (const entry of entries) {
    expect(entry["actor"]).toMatchObject({ api_key: { id: admin.id }, ip_address: "203.0.113.9" });
    expect(entry["project"]).toEqual({ id: "proj_default", name: "Default" });
  }
  expect(entries[2]).toMatchObject({
    before: { rpm: 5, models: ["pocket"], allowlist: null },
    after: { rpm: 7, models: null, allowlist: ["203.0.113.0/24"] },
  });
  expect(entries[3]).toMatchObject({ before: null, after: { name: "audited", rpm: 5, models: ["pocket"] } });
  const { json: ofOpenAi } = await call("GET", `/audit_logs?resource_ids[]=${key.id}&event_types[]=api_key.updated`);
  assertOpenAi("ListAuditLogsResponse", ofOpenAi);
});

test.each([
  { path: "/limits", id: "org_default", object: "organization.limits" },
  { path: "/projects/proj_default/limits", id: "proj_default", object: "organization.project.limits" },
])(
  "limits at $path are replaced whole, read back, and in the audit log with those before",
  async ({ path, ...head }) => {
    const none = { rpm: null, tpm: null, rpd: null, concurrency: null, tokens_per_month: null };
    expect((await call("GET", path)).json).toEqual({ ...head, ...none });
    await call("POST", path, { rpm: 600, tokens_per_month: 1_000_000 });
    const second = await call("POST", path, { rpm: 700, concurrency: 9 });
    expect(second.json).toEqual({ ...head, ...none, rpm: 700, concurrency: 9 });
    expect((await call("GET", path)).json).toEqual(second.json);
    const [entry] = await auditOf(head.id);
    expect(entry).toMatchObject({
      type: "rate_limit.updated",
      before: { rpm: 600, tpm: null, tokens_per_month: 1_000_000, concurrency: null },
      after: { rpm: 700, concurrency: 9 },
    });
    await call("POST", path, {});
  },
);

test("what could not be noted when power was taken away is noted when the call is repeated", async () => {
  const jwks = { keys: [{ kty: "OKP", crv: "Ed25519", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] };
  const body = { issuer: "https://id.example", audiences: ["sluice"], jwks, project_id: "proj_default" };
  const [issuer, admin] = [await created("/issuers", body), await created("/admin_api_keys", { name: "leaver" })];
  const database = await edge.worker.database();
  await database
    .prepare("CREATE TRIGGER broken BEFORE INSERT ON audit_log BEGIN SELECT RAISE(ABORT, 'broken'); END")
    .run();
  const paths = [`/issuers/${issuer.id}`, `/admin_api_keys/${admin.id}`];
  for (const path of paths) expect((await call("DELETE", path)).status).toBe(503);
  expect((await call("GET", "/issuers")).json.data).toEqual([]);
  expect((await call("GET", "/projects", undefined, admin.value)).status).toBe(401);
  await database.prepare("DROP TRIGGER broken").run();
  for (const path of paths) expect((await call("DELETE", path)).status).toBe(200);
  expect((await auditOf(issuer.id)).map(({ type }) => type)).toEqual(["issuer.deleted", "issuer.created"]);
  expect((await auditOf(admin.id)).map(({ type }) => type)).toEqual(["admin_api_key.deleted", "admin_api_key.created"]);
  expect((await call("DELETE", `/issuers/${issuer.id}`)).status).toBe(404);
});

test("the audit log is filtered and paged both ways", async () => {
  const actor = await created("/admin_api_keys", { name: "busy" });
  for (const name of ["one", "two", "three"]) await call("POST", "/projects", { name }, actor.value);
  const list = async (query: string) => (await call("GET", `/audit_logs?actor_ids[]=${actor.id}${query}`)).json;
  const all = await list("");
  expect(namesOf(all)).toEqual(["three", "two", "one"]);
  const first = await list("&limit=2");
  expect([namesOf(first), first["has_more"]]).toEqual([["three", "two"], true]);
  const second = await list(`&limit=2&after=${first["last_id"] as string}`);
  expect([namesOf(second), second["has_more"]]).toEqual([["one"], false]);
  const back = await list(`&limit=1&before=${second["first_id"] as string}`);
  expect([namesOf(back), back["has_more"]]).toEqual([["two"], true]);
  const atS = all.data[0]?.["effective_at"] as number;
  expect(namesOf(await list(`&effective_at[gte]=${atS}&effective_at[lte]=${atS}`))).toContain("three");
  expect(namesOf(await list(`&effective_at[gt]=${atS}`))).toEqual([]);
  expect(namesOf(await list("&project_ids[]=proj_default"))).toEqual([]);
  expect((await call("GET", "/audit_logs?event_types[]=nothing")).json.error.param).toBe("event_types[0]");
});

test("nobody changes or shortens the audit log, not even D1's owner", async () => {
  await created("/projects", { name: "kept" });
  const database = await edge.worker.database();
  await expect(database.prepare("UPDATE audit_log SET actor_id = 'x'").run()).rejects.toThrow("append-only");
  await expect(database.prepare("DELETE FROM audit_log").run()).rejects.toThrow("append-only");
});

test("no secret is in the database, whatever was done with it", async () => {
  const key = await created("/projects/proj_default/api_keys", { name: "secretive" });
  const rotated = await created(`/projects/proj_default/api_keys/${key.id}/rotate`, {});
  const account = await created("/projects/proj_default/service_accounts", { name: "secretive" });
  const admin = await created("/admin_api_keys", { name: "secretive" });
  const values = [key.value, rotated.value, (account["api_key"] as Json).value, admin.value];
  const secrets = [...values.map(secretOf), adminKey];
  const hashes = await Promise.all(secrets.map(async (secret) => sha256(secret)));
  const database = await edge.worker.database();
  const tables = ["organizations", "projects", "api_keys", "service_accounts", "admin_api_keys", "audit_log"];
  const dump = JSON.stringify(
    await Promise.all(tables.map(async (table) => (await database.prepare(`SELECT * FROM ${table}`).all()).results)),
  );
  expect(dump).toContain(key.id);
  for (const secret of [...secrets, ...hashes]) {
    expect(secret.length).toBeGreaterThan(20);
    expect(dump).not.toContain(secret);
  }
});

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Buffer.from(digest).toString("base64url");
}

test("a flood of denials by an allowlist leaves one entry", async () => {
  const { id, value } = await edge.createKey({ allowlist: ["203.0.113.0/24"] });
  const headers = { "cf-connecting-ip": "198.51.100.1" };
  const denied = await Promise.all(Array.from({ length: 20 }, async () => edge.complete(value, {}, { headers })));
  expect(denied.map(({ status }) => status)).toEqual(Array(20).fill(403));
  const entries = await vi.waitUntil(async () => {
    const { json } = await call("GET", `/audit_logs?resource_ids[]=${id}&event_types[]=ip_allowlist.denied`);
    return json.data.length > 0 && json.data;
  }, 10_000);
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({
    actor: { api_key: { id }, ip_address: "198.51.100.1" },
    project: { id: "proj_default" },
  });
});
