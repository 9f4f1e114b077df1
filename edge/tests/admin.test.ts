import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { adminKey, Edge } from "./support/edge.ts";
import { type HarnessWorker, startHarnessWorker } from "./support/harness-worker.ts";
import { assertOpenAi } from "./support/openai-schemas.ts";

let edge: Edge<HarnessWorker>;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
});
afterAll(async () => edge.stop());

interface Json {
  readonly [name: string]: unknown;
  readonly id: string;
  readonly value: string;
  readonly data: Json[];
  readonly error: { readonly code: string; readonly param: string | null; readonly message: string };
}

async function call(method: string, path: string, body?: object, key = adminKey) {
  const response = await edge.organization(method, path, body, key);
  return { status: response.status, json: (await response.json()) as Json };
}

async function created(path: string, body: object): Promise<Json> {
  const { status, json } = await call("POST", path, body);
  expect(status, JSON.stringify(json)).toBe(200);
  return json;
}

async function auditOf(targetId: string): Promise<Json[]> {
  return (await call("GET", `/audit_logs?resource_ids[]=${targetId}`)).json.data;
}

/** What the entries say of names, in order. */
function namesOf({ data }: Json): unknown[] {
  return data.map(({ after }) => (after as Json)["name"]);
}

/** The part of a key that proves it. */
function secretOf(key: string): string {
  return key.split("-").at(-2) ?? "";
}

async function statusWith(key: string): Promise<number> {
  return (await edge.complete(key, {})).status;
}

test("a project is made, found, renamed, listed, and has OpenAI's shape", async () => {
  const project = await created("/projects", { name: "research" });
  assertOpenAi("Project", project);
  expect(project).toMatchObject({ object: "organization.project", name: "research", status: "active" });
  expect((await call("GET", `/projects/${project.id}`)).json).toEqual(project);
  const renamed = await created(`/projects/${project.id}`, { name: "science" });
  expect(renamed).toEqual({ ...project, name: "science" });
  const { json: list } = await call("GET", "/projects?limit=1");
  assertOpenAi("ProjectListResponse", list);
  expect(list).toMatchObject({ has_more: true, first_id: project.id, data: [{ id: project.id, name: "science" }] });
  const { json: rest } = await call("GET", `/projects?after=${project.id}`);
  expect(rest.data.map(({ id }) => id)).not.toContain(project.id);
});

test("archiving a project ends its keys at once, and takes no new ones", async () => {
  const project = await created("/projects", { name: "short" });
  const key = await created(`/projects/${project.id}/api_keys`, { name: "k" });
  const other = await edge.createKey();
  expect(await statusWith(key.value)).toBe(200);
  const archived = await created(`/projects/${project.id}/archive`, {});
  assertOpenAi("Project", archived);
  expect(archived).toMatchObject({ status: "archived" });
  expect(await statusWith(key.value)).toBe(401);
  expect(await statusWith(other.value)).toBe(200);
  expect((await call("POST", `/projects/${project.id}/api_keys`, { name: "late" })).status).toBe(404);
  expect((await call("POST", `/projects/${project.id}`, { name: "late" })).status).toBe(400);
  expect((await call("POST", `/projects/${project.id}/archive`, {})).json).toEqual(archived);
  const ids = async (query: string) => (await call("GET", `/projects${query}`)).json.data.map(({ id }) => id);
  expect(await ids("")).not.toContain(project.id);
  expect(await ids("?include_archived=true")).toContain(project.id);
});

test("a project whose tokens an issuer sends is not archived", async () => {
  const project = await created("/projects", { name: "tokens" });
  const publicKey = { kty: "OKP", crv: "Ed25519", kid: "1", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
  const fields = { issuer: "https://a.test", audiences: ["a"], jwks: { keys: [publicKey] }, project_id: project.id };
  const issuer = await created("/issuers", fields);
  const { status, json } = await call("POST", `/projects/${project.id}/archive`, {});
  expect(status).toBe(400);
  expect(json.error.message).toContain(issuer.id);
  expect((await call("DELETE", `/issuers/${issuer.id}`)).status).toBe(200);
  expect((await call("POST", `/projects/${project.id}/archive`, {})).status).toBe(200);
  expect((await auditOf(issuer.id)).map(({ type }) => type)).toEqual(["issuer.deleted", "issuer.created"]);
});

test("a service account brings a key, which goes with it", async () => {
  const accounts = "/projects/proj_default/service_accounts";
  const account = await created(accounts, { name: "batch" });
  assertOpenAi("ProjectServiceAccountCreateResponse", account);
  const key = account["api_key"] as Json;
  expect(await statusWith(key.value)).toBe(200);
  const { json: found } = await call("GET", `${accounts}/${account.id}`);
  assertOpenAi("ProjectServiceAccount", found);
  expect(JSON.stringify(found)).not.toContain(key.value);
  assertOpenAi("ProjectServiceAccountListResponse", (await call("GET", accounts)).json);
  const { json: listed } = await call("GET", `/projects/proj_default/api_keys/${key.id}`);
  assertOpenAi("ProjectApiKey", listed);
  expect(listed["owner"]).toMatchObject({
    type: "service_account",
    service_account: { id: account.id, name: "batch" },
  });
  const { json: deleted } = await call("DELETE", `${accounts}/${account.id}`);
  assertOpenAi("ProjectServiceAccountDeleteResponse", deleted);
  expect(await statusWith(key.value)).toBe(401);
  expect((await call("GET", `${accounts}/${account.id}`)).status).toBe(404);
  const isListed = (await call("GET", accounts)).json.data.some(({ id }) => id === account.id);
  expect(isListed).toBe(false);
});

test("an admin key administers until it is deleted, and does nothing else", async () => {
  const key = await created("/admin_api_keys", { name: "terraform" });
  assertOpenAi("AdminApiKeyCreateResponse", key);
  expect(key.value).toMatch(/^sk-sluice-admin-[0-9a-z]{16}-[0-9a-z]{40}-[0-9a-z]{10}$/);
  expect((await call("GET", "/projects", undefined, key.value)).status).toBe(200);
  expect(await statusWith(key.value)).toBe(403);
  const { json: found } = await call("GET", `/admin_api_keys/${key.id}`);
  assertOpenAi("AdminApiKey", found);
  expect(found["last_used_at"]).toBeGreaterThan(0);
  const { json: list } = await call("GET", "/admin_api_keys");
  assertOpenAi("ApiKeyList", list);
  expect(JSON.stringify(list)).not.toContain(key.value);
  expect((await call("DELETE", `/admin_api_keys/${key.id}`)).status).toBe(200);
  const { status, json } = await call("GET", "/projects", undefined, key.value);
  expect([status, json.error.code]).toEqual([401, "key_revoked"]);
});

test("an admin key is changed from the next request on, and rotated with an overlap", async () => {
  const key = await created("/admin_api_keys", { name: "rotating", allowlist: ["0.0.0.0/0", "::/0"] });
  const path = `/admin_api_keys/${key.id}`;
  const changed = await created(path, {
    name: "renamed",
    denylist: ["127.0.0.0/8", "::/0"],
    expires_in_seconds: 3_600,
  });
  assertOpenAi("AdminApiKey", changed);
  expect(changed).toMatchObject({
    name: "renamed",
    allowlist: ["0.0.0.0/0", "::/0"],
    denylist: ["127.0.0.0/8", "::/0"],
  });
  expect((await call("GET", path)).json).toEqual(changed);
  expect((await call("GET", "/projects", undefined, key.value)).status).toBe(403);
  await created(path, { denylist: null });
  expect((await call("GET", "/projects", undefined, key.value)).status).toBe(200);

  const rotated = await created(`${path}/rotate`, { overlap_seconds: 600 });
  expect(rotated.id).toBe(key.id);
  expect(Number(rotated["expires_at"])).toBeGreaterThan(Number(changed["expires_at"]));
  for (const value of [key.value, rotated.value]) {
    expect((await call("GET", "/projects", undefined, value)).status).toBe(200);
  }
  const again = await created(`${path}/rotate`, { overlap_seconds: 0 });
  for (const value of [key.value, rotated.value]) {
    expect((await call("GET", "/projects", undefined, value)).status).toBe(401);
  }
  expect((await call("GET", "/projects", undefined, again.value)).status).toBe(200);

  const events = await auditOf(key.id);
  expect(events.map(({ type }) => type)).toEqual([
    "admin_api_key.rotated",
    "admin_api_key.rotated",
    "admin_api_key.updated",
    "ip_allowlist.denied",
    "admin_api_key.updated",
    "admin_api_key.created",
  ]);
  expect(events.at(4)).toMatchObject({ before: { name: "rotating", denylist: null }, after: { name: "renamed" } });
  expect(JSON.stringify(events)).not.toContain(secretOf(again.value));

  await call("DELETE", path);
  expect((await call("POST", path, { name: "late" })).status).toBe(400);
  expect((await call("POST", `${path}/rotate`, {})).status).toBe(400);
  expect((await call("POST", "/admin_api_keys/admin-0000000000000000", { name: "x" })).status).toBe(404);
  expect((await call("POST", path, { rpm: 5 })).json.error.param).toBe("rpm");
});

test("a project's rate limits have OpenAI's shape, hold for one model and all keys, and are lifted by the number for none", async () => {
  const project = await created("/projects", { name: "rate-limited" });
  const path = `/projects/${project.id}/rate_limits`;
  const key = await created(`/projects/${project.id}/api_keys`, { name: "one" });
  const { json: before } = await call("GET", path);
  assertOpenAi("ProjectRateLimitListResponse", before);
  const unlimited = { max_requests_per_1_minute: 10_000_000, max_tokens_per_1_minute: 10_000_000_000 };
  expect(before.data).toEqual([{ object: "project.rate_limit", id: "rl-pocket", model: "pocket", ...unlimited }]);

  const set = await created(`${path}/rl-pocket`, { max_requests_per_1_day: 3 });
  assertOpenAi("ProjectRateLimit", set);
  expect(set).toMatchObject({ ...unlimited, max_requests_per_1_day: 3 });
  await created(`${path}/rl-maker/other`, { max_requests_per_1_minute: 60 });
  expect((await call("GET", path)).json.data.map(({ id }) => id)).toEqual(["rl-maker/other", "rl-pocket"]);
  const { json: page } = await call("GET", `${path}?limit=1&after=rl-maker/other`);
  expect(page).toMatchObject({ data: [set], has_more: false });

  const statuses: number[] = [];
  for (let count = 0; count < 4; count += 1) statuses.push(await statusWith(key.value));
  // One less: see docs/limits.md for what of a ceiling cannot be used at once.
  expect(statuses).toEqual([200, 200, 429, 429]);
  await created(`${path}/rl-pocket`, { max_requests_per_1_day: 10_000_000 });
  expect(await statusWith(key.value)).toBe(200);
  expect((await auditOf("rl-pocket")).map(({ before: old }) => (old as Json)["max_requests_per_1_day"])).toEqual([
    3,
    undefined,
  ]);

  for (const body of [
    { max_requests_per_1_minute: 1 },
    { max_tokens_per_1_minute: 0 },
    { max_images_per_1_minute: 5 },
  ]) {
    const refused = await call("POST", `${path}/rl-pocket`, body);
    expect([refused.status, refused.json.error.param]).toEqual([400, Object.keys(body)[0]]);
  }
  expect((await call("POST", `${path}/pocket`, {})).status).toBe(404);
  expect((await call("GET", "/projects/proj_none/rate_limits")).status).toBe(404);
});

test("null lifts a limit above keys, and what is none names its field", async () => {
  await created("/projects/proj_default/limits", { rpm: 1_000, concurrency: 200 });
  const lifted = await created("/projects/proj_default/limits", { rpm: null, concurrency: 50 });
  expect(lifted).toMatchObject({ rpm: null, concurrency: 50 });
  expect((await call("POST", "/limits", { concurrency: 0 })).json.error.param).toBe("concurrency");
  await created("/projects/proj_default/limits", {});
});

test.each([
  { what: "an ordinary key", options: {}, path: "/projects/proj_default/api_keys", status: 403 },
  { what: "a project's admin", options: { scopes: ["admin"] }, path: "/projects/proj_default/api_keys", status: 200 },
  {
    what: "a project's admin, elsewhere",
    options: { scopes: ["admin"] },
    path: "/projects/proj_x/api_keys",
    status: 403,
  },
  { what: "a project's admin, above it", options: { scopes: ["admin"] }, path: "/projects/proj_default", status: 403 },
  { what: "a project's admin, beside it", options: { scopes: ["admin"] }, path: "/audit_logs", status: 403 },
])("$what gets $status at $path", async ({ options, path, status }) => {
  const { value } = await edge.createKey(options);
  expect((await call("GET", path, undefined, value)).status).toBe(status);
});

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
  expect((await call("GET", "/audit_logs?event_types[]=nothing")).json.error.param).toBe("event_types.0");
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
  });
  expect(entries).toHaveLength(1);
  expect(entries[0]).toMatchObject({
    actor: { api_key: { id }, ip_address: "198.51.100.1" },
    project: { id: "proj_default" },
  });
});

test("regions and their engines are told as they last reported", async () => {
  edge.region("amsterdam").engines = [
    {
      id: "engine-1",
      address: "127.0.0.1:1",
      status: "ok",
      numRunning: 3,
      numWaiting: 2,
      numQueuedTokens: 40,
      kvCacheUsage: 0.5,
    },
  ];
  const engines = await vi.waitUntil(
    async () => {
      const { json } = await call("GET", "/engines");
      return json.data.length > 0 && json.data;
    },
    { timeout: 10_000 },
  );
  expect(engines).toMatchObject([
    {
      object: "organization.engine",
      id: "engine-1",
      region: "amsterdam",
      num_running: 3,
      num_waiting: 2,
      kv_cache_usage: 0.5,
    },
  ]);
  const { json: regions } = await call("GET", "/regions");
  expect(regions.data).toMatchObject([
    { id: "amsterdam", health: "ok", jurisdiction: "amsterdam", models: ["pocket"] },
  ]);
});
