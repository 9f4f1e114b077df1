import { afterAll, beforeAll, expect, test } from "vitest";
import { Edge } from "./support/edge.ts";
import { startHarnessWorker } from "./support/harness-worker.ts";
import { assertOpenAi } from "./support/openai-schemas.ts";

const dayS = 24 * 3600;

let edge: Edge;

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
});
afterAll(async () => edge.stop());

interface Key {
  readonly [name: string]: unknown;
  readonly id: string;
  readonly value: string;
  readonly created_at: number;
  readonly expires_at: number | null;
}

async function answer(response: Response): Promise<Key> {
  expect(response.status).toBe(200);
  return (await response.json()) as Key;
}

const create = async (options: object = {}) => answer(await edge.admin("POST", "", { name: "test", ...options }));
const retrieve = async (id: string) => answer(await edge.admin("GET", `/${id}`));
const change = async (id: string, body: object) => answer(await edge.admin("POST", `/${id}`, body));
const rotate = async (id: string, body: object) => answer(await edge.admin("POST", `/${id}/rotate`, body));

async function expiryTold({ value }: Key): Promise<string | null> {
  return (await edge.complete(value, {})).headers.get("x-sluice-key-expires-at");
}

async function statusWith(key: string): Promise<number> {
  return (await edge.complete(key, {})).status;
}

const allTerms = {
  rpm: 60,
  tpm: 100_000,
  rpd: 1_000,
  concurrency: 4,
  tokens_per_month: 1_000_000,
  model_limits: { pocket: { rpm: 30, tpm: null, rpd: null, concurrency: null } },
  service_tiers: ["default", "priority"],
  scopes: ["inference"],
  models: ["pocket"],
  denied_models: ["pocket-2"],
  allowlist: ["203.0.113.0/24"],
  denylist: ["203.0.113.9"],
  origins: ["https://app.example.com"],
  jurisdictions: ["amsterdam"],
  explain_routing: true,
};

const noTerms = {
  rpm: null,
  tpm: null,
  rpd: null,
  concurrency: null,
  tokens_per_month: null,
  model_limits: {},
  service_tiers: ["default", "flex"],
  scopes: ["inference", "usage.read"],
  models: null,
  denied_models: null,
  allowlist: null,
  denylist: null,
  origins: null,
  jurisdictions: null,
  explain_routing: false,
};

const sent = { ...allTerms, model_limits: { pocket: { rpm: 30 } } };

test("a key shows the terms that it was made with, and OpenAI's shape", async () => {
  const { value, ...key } = await create(sent);
  expect(key).toMatchObject(allTerms);
  expect(value).toContain(key.id);
  expect(await retrieve(key.id)).toEqual(key);
  assertOpenAi("ProjectApiKey", key);
  assertOpenAi("ProjectApiKeyListResponse", await answer(await edge.admin("GET")));
});

test("each term is set later, left as it is where nothing is said, and lifted by null", async () => {
  const { id, value: _, ...key } = await create();
  expect(key).toMatchObject(noTerms);
  expect(await change(id, sent)).toMatchObject(allTerms);
  for (const name of Object.keys(allTerms)) {
    const lifted = { ...allTerms, [name]: noTerms[name as keyof typeof noTerms] };
    expect(await change(id, { [name]: null })).toMatchObject(lifted);
    expect(await change(id, { [name]: sent[name as keyof typeof sent] })).toMatchObject(allTerms);
  }
  expect(await change(id, Object.fromEntries(Object.keys(allTerms).map((name) => [name, null])))).toMatchObject(
    noTerms,
  );
});

test("a lifted limit holds no longer from the next request on", async () => {
  const { id, value } = await create({ rpm: 1 });
  expect([await statusWith(value), await statusWith(value)]).toEqual([200, 429]);
  await change(id, { rpm: null });
  expect(await statusWith(value)).toBe(200);
});

test("a key lives 90 days unless it says otherwise, and no longer", async () => {
  const key = await create();
  expect(key.expires_at).toBe(key.created_at + 90 * dayS);
  const atS = key.created_at + 10 * dayS;
  expect(await create({ expires_at: atS })).toMatchObject({ expires_at: atS });
  expect(await change(key.id, { expires_at: atS })).toMatchObject({ expires_at: atS });
  expect(await retrieve(key.id)).toMatchObject({ expires_at: atS });
});

test.each([
  { body: { expires_at: null }, param: "expires_at" },
  { body: { expires_at: 1 }, param: "expires_at" },
  { body: { expires_in_seconds: 91 * dayS }, param: "expires_in_seconds" },
  { body: { expires_at: Math.floor(Date.now() / 1000) + 91 * dayS }, param: "expires_at" },
  { body: { expires_at: Math.floor(Date.now() / 1000) + 60, expires_in_seconds: 60 }, param: "expires_at" },
  { body: { rpm: 0 }, param: "rpm" },
  { body: { colour: "red" }, param: "colour" },
])("neither a new key nor one that exists takes $body", async ({ body, param }) => {
  const { id } = await create();
  for (const response of [
    await edge.admin("POST", "", { name: "x", ...body }),
    await edge.admin("POST", `/${id}`, body),
  ]) {
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { param } });
  }
});

test("where the policy allows it, a key never expires", async () => {
  const free = await Edge.start(startHarnessWorker, ["amsterdam"], { KEYS_MAY_NEVER_EXPIRE: "true" });
  try {
    const key = (await (await free.admin("POST", "", { name: "forever", expires_at: null })).json()) as Key;
    expect(key.expires_at).toBeNull();
    expect((await free.complete(key.value, {})).headers.get("x-sluice-key-expires-at")).toBeNull();
  } finally {
    await free.stop();
  }
});

test("replies to a key that expires within a week say when", async () => {
  const soon = await create({ expires_in_seconds: 6 * dayS });
  const late = await create({ expires_in_seconds: 8 * dayS });
  expect(new Date((await expiryTold(soon)) ?? 0).getTime()).toBeCloseTo((soon.expires_at ?? 0) * 1000, -4);
  expect(await expiryTold(late)).toBeNull();
});

/** To the second. */
const expiryOf = ({ expires_at }: Key) => new Date((expires_at ?? 0) * 1000).toISOString().slice(0, 19);

async function expiryToldByAdministration(path: string, key: string): Promise<string | undefined> {
  const { headers } = await edge.organization("GET", path, undefined, key);
  return headers.get("x-sluice-key-expires-at")?.slice(0, 19);
}

const createAdmin = async (days: number) =>
  answer(await edge.organization("POST", "/admin_api_keys", { name: "k", expires_in_seconds: days * dayS }));

test("replies of the administration say so too, to an admin key and to one that reads its own usage", async () => {
  const [soon, late] = [await createAdmin(6), await createAdmin(8)];
  expect(await expiryToldByAdministration("/projects", soon.value)).toBe(expiryOf(soon));
  expect(await expiryToldByAdministration("/projects/none", soon.value)).toBe(expiryOf(soon));
  expect(await expiryToldByAdministration("/projects", late.value)).toBeUndefined();
  const reader = await create({ expires_in_seconds: 6 * dayS });
  const usage = `/usage/completions?start_time=${reader.created_at}`;
  expect(await expiryToldByAdministration(usage, reader.value)).toBe(expiryOf(reader));
});

test("a rotated key has two values until the overlap ends, under the same id and limits", async () => {
  const key = await create({ rpm: 3, expires_in_seconds: 5 * dayS });
  const rotated = await rotate(key.id, { overlap_seconds: 3600 });
  expect(rotated.id).toBe(key.id);
  expect(rotated.value).not.toBe(key.value);
  expect(rotated.expires_at).toBeGreaterThan(key.created_at + 89 * dayS);
  expect([await statusWith(key.value), await statusWith(rotated.value)]).toEqual([200, 200]);
  const last = await rotate(key.id, { overlap_seconds: 0 });
  expect([await statusWith(key.value), await statusWith(rotated.value)]).toEqual([401, 401]);
  expect([await statusWith(last.value), await statusWith(last.value)]).toEqual([200, 429]);
});

test("a revoked key is not brought back by rotating it", async () => {
  const { id, value } = await create();
  await edge.admin("DELETE", `/${id}`);
  expect((await edge.admin("POST", `/${id}/rotate`, {})).status).toBe(400);
  expect(await statusWith(value)).toBe(401);
  expect(await retrieve(id)).toMatchObject({ status: "revoked" });
});

test("a key says when it was last used", async () => {
  const { id, value } = await create();
  expect(await retrieve(id)).toMatchObject({ last_used_at: null });
  const beforeS = Math.floor(Date.now() / 1000);
  await statusWith(value);
  expect((await retrieve(id))["last_used_at"]).toBeGreaterThanOrEqual(beforeS);
  const list = (await (await edge.admin("GET", "?limit=1")).json()) as { data: Key[] };
  expect(list.data[0]).toMatchObject({ id, last_used_at: (await retrieve(id))["last_used_at"] });
});

test.each(["", "/rotate"])("a key of another project is not found (POST …%s)", async (suffix) => {
  const { id } = await create();
  const project = (await (await edge.organization("POST", "/projects", { name: "other" })).json()) as { id: string };
  const path = `/projects/${project.id}/api_keys/${id}`;
  expect((await edge.organization("POST", path + suffix, {})).status).toBe(404);
  expect((await edge.organization("GET", path)).status).toBe(404);
  expect((await edge.organization("DELETE", path)).status).toBe(404);
});
