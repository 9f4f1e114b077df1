import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { Edge } from "./support/edge.ts";
import { Administration, type Json, secretOf } from "./support/administration.ts";
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
