// From where all keys of a project, and of the organization, may be used.
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type CreatedKey, Edge } from "./support/edge.ts";
import { startTwinWorkers, type TwinWorkers } from "./support/twin-workers.ts";

const inside = "203.0.113.7";
const outside = "198.51.100.1";

let edge: Edge<TwinWorkers>;
let projectId: string;
let key: CreatedKey;
let keyOfProject: CreatedKey;

beforeAll(async () => {
  edge = await Edge.start(startTwinWorkers, ["amsterdam"]);
  const project = await edge.organization("POST", "/projects", { name: "walled" });
  ({ id: projectId } = (await project.json()) as { id: string });
  key = await edge.createKey({ rpd: 1_000 });
  keyOfProject = await keyIn(projectId);
});
afterAll(async () => edge.stop());
afterEach(async () => {
  await setNetworks("", {});
  await setNetworks(`/projects/${projectId}`, {});
});

async function keyIn(project: string, options: object = {}): Promise<CreatedKey> {
  const created = await edge.organization("POST", `/projects/${project}/api_keys`, { name: "test", ...options });
  return (await created.json()) as CreatedKey;
}

async function setNetworks(owner: string, lists: object): Promise<Response> {
  return edge.organization("POST", `${owner}/networks`, lists);
}

async function ask({ value }: CreatedKey, ip: string | undefined): Promise<Response> {
  return edge.complete(value, {}, ip === undefined ? {} : { headers: { "cf-connecting-ip": ip } });
}

async function statusFrom(ip: string | undefined, of: CreatedKey): Promise<number> {
  return (await ask(of, ip)).status;
}

test("a project's lists hold for its keys, and for no other's", async () => {
  await setNetworks(`/projects/${projectId}`, { allowlist: ["203.0.113.0/24"], denylist: ["203.0.113.9"] });
  expect(await statusFrom(inside, keyOfProject)).toBe(200);
  expect(await statusFrom(`::ffff:${inside}`, keyOfProject)).toBe(200);
  for (const ip of [outside, "203.0.113.9", "2001:db8::1"]) expect(await statusFrom(ip, keyOfProject)).toBe(403);
  expect(await statusFrom(outside, key)).toBe(200);
});

test("the organization's lists hold for all keys, beside their own and their project's", async () => {
  await setNetworks("", { denylist: ["198.51.100.0/24"] });
  await setNetworks(`/projects/${projectId}`, { allowlist: ["203.0.113.0/24", "198.51.100.0/24"] });
  const own = await keyIn(projectId, { denylist: [inside] });
  expect(await statusFrom(outside, key)).toBe(403);
  expect(await statusFrom(outside, keyOfProject)).toBe(403);
  expect(await statusFrom(inside, keyOfProject)).toBe(200);
  expect(await statusFrom(inside, own)).toBe(403);
  expect(await statusFrom("192.0.2.1", keyOfProject)).toBe(403);
  expect(await statusFrom("192.0.2.1", key)).toBe(200);
});

test("leased keys, tokens of a key and keys of the administration are no way around them", async () => {
  const leased = await keyIn(projectId, { admission: "leased", rpm: 100 });
  const form = { grant_type: "client_credentials", client_id: keyOfProject.id, client_secret: keyOfProject.value };
  const headers = { "cf-connecting-ip": outside };
  const init = () => ({ method: "POST", body: new URLSearchParams(form), headers });
  const { access_token: value } = (await (await edge.fetch("/oauth/token", init())).json()) as { access_token: string };
  const admin = await edge.organization("POST", "/admin_api_keys", { name: "test" });
  const adminKey = ((await admin.json()) as CreatedKey).value;
  await setNetworks("", { allowlist: ["203.0.113.0/24"] });
  expect(await statusFrom(outside, leased)).toBe(403);
  expect(await statusFrom(outside, { id: "", value })).toBe(403);
  expect((await edge.fetch("/oauth/token", init())).status).toBe(401);
  const asked = await edge.fetch("/v1/organization/projects", {
    headers: { authorization: `Bearer ${adminKey}`, ...headers },
  });
  expect(asked.status).toBe(403);
  // The root key is the way back in for who locked everybody out.
  expect((await edge.organization("GET", "/projects")).status).toBe(200);
});

test("a denial names neither list nor network, is audited, and costs nothing", async () => {
  const once = await keyIn(projectId, { rpd: 1 });
  await setNetworks(`/projects/${projectId}`, { allowlist: ["203.0.113.0/24"] });
  const refusal = await ask(once, outside);
  expect(refusal.status).toBe(403);
  const text = await refusal.text();
  expect(JSON.parse(text)).toMatchObject({ error: { code: "ip_not_authorized" } });
  expect(text).not.toMatch(/203\.0|198\.51|list|network|project/);
  await vi.waitFor(async () => {
    const path = `/audit_logs?event_types[]=ip_allowlist.denied&resource_ids[]=${once.id}`;
    const log = (await (await edge.organization("GET", path)).json()) as { data: { actor: { ip_address: string } }[] };
    expect(log.data.map(({ actor }) => actor.ip_address)).toEqual([outside]);
  }, 10_000);
  expect(await statusFrom(inside, once)).toBe(200);
});

test("who does not hold a key's secret is not told whether its address would do", async () => {
  await setNetworks("", { allowlist: ["203.0.113.0/24"] });
  const last = key.value.at(-1) === "0" ? "1" : "0";
  expect(await statusFrom(outside, { id: "", value: key.value.slice(0, -1) + last })).toBe(401);
});

async function byTwin(): Promise<number> {
  const response = await edge.worker.twin.fetch("http://edge.test/v1/models", {
    headers: { authorization: `Bearer ${key.value}`, "cf-connecting-ip": outside },
  });
  await response.body?.cancel();
  return response.status;
}

test("another Worker knows of a change within seconds", async () => {
  expect(await byTwin()).toBe(200);
  await setNetworks("", { allowlist: ["203.0.113.0/24"] });
  await vi.waitFor(async () => expect(await byTwin()).toBe(403), { timeout: 15_000, interval: 200 });
});

test("lists are read back, replaced whole, lifted, and in the audit log", async () => {
  const path = `/projects/${projectId}`;
  const set = await setNetworks(path, { allowlist: ["203.0.113.0/24"], denylist: null });
  const lists = { object: "organization.networks", id: projectId, allowlist: ["203.0.113.0/24"], denylist: null };
  expect(await set.json()).toEqual(lists);
  expect(await (await edge.organization("GET", `${path}/networks`)).json()).toEqual(lists);
  await setNetworks(path, { denylist: ["192.0.2.1"] });
  expect(await (await edge.organization("GET", `${path}/networks`)).json()).toMatchObject({
    allowlist: null,
    denylist: ["192.0.2.1"],
  });
  const log = await edge.organization("GET", "/audit_logs?event_types[]=ip_allowlist.updated&limit=1");
  expect(await log.json()).toMatchObject({
    data: [
      { project: { id: projectId }, before: { allowlist: ["203.0.113.0/24"] }, after: { denylist: ["192.0.2.1"] } },
    ],
  });
});

test.each([
  { owner: "", lists: { allowlist: ["home"] }, status: 400, param: "allowlist[0]" },
  { owner: "", lists: { networks: [] }, status: 400, param: "networks" },
  { owner: "/projects/proj_none", lists: {}, status: 404, param: null },
])("$lists of $owner are refused with $status", async ({ owner, lists, status, param }) => {
  const response = await setNetworks(owner, lists);
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ error: { param } });
});

test("a key of the project's own administration cannot change them", async () => {
  const own = await keyIn(projectId, { scopes: ["admin"] });
  const response = await edge.organization("POST", `/projects/${projectId}/networks`, {}, own.value);
  expect(response.status).toBe(403);
});
