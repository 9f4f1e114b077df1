import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { adminKey, Edge } from "./support/edge.ts";
import { type HarnessWorker, startHarnessWorker } from "./support/harness-worker.ts";
import { assertOpenAi } from "./support/openai-schemas.ts";

const dayS = 24 * 3600;
/** Midnight, UTC, of a day long past. */
const midnightS = 1_700_006_400;

let edge: Edge<HarnessWorker>;

interface Bucket {
  readonly start_time: number;
  readonly end_time: number;
  readonly results: readonly Readonly<Record<string, unknown>>[];
}

interface UsagePage {
  readonly data: readonly Bucket[];
  readonly has_more: boolean;
  readonly next_page: string | null;
}

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
  const rows = [
    { atS: midnightS, project: "proj_a", key: "key-1", model: "pocket", tokens: [10, 4, 1] },
    { atS: midnightS + 3600, project: "proj_a", key: "key-2", model: "pocket", tokens: [20, 0, 2] },
    { atS: midnightS + dayS - 1, project: "proj_b", key: "key-3", model: "other", tokens: [30, 0, 3] },
    { atS: midnightS + 2 * dayS, project: "proj_b", key: "key-3", model: "other", tokens: [40, 0, 4] },
  ];
  const values = rows.map(({ atS, project, key, model, tokens }, index) => {
    return `('req-${index}', 'org_default', '${project}', '${key}', '${model}', 'amsterdam', ${atS * 1000}, ${tokens.join(", ")}, 'stop', 'counted', '')`;
  });
  const columns = `request_id, org_id, project_id, key_id, model, region, started_at_ms, prompt_tokens, cached_tokens,
    completion_tokens, finish_reason, status, receipts`;
  const database = await edge.worker.database();
  await database.prepare(`INSERT INTO usage (${columns}) VALUES ${values.join(", ")}`).run();
});
afterAll(async () => edge.stop());

async function ask(query: string, key = adminKey): Promise<UsagePage> {
  const response = await edge.organization("GET", `/usage/completions?${query}`, undefined, key);
  expect(response.status).toBe(200);
  const page = (await response.json()) as UsagePage;
  assertOpenAi("UsageResponse", page);
  return page;
}

function inputsOf({ data }: UsagePage): unknown[] {
  return data.map(({ results }) => results.map(({ input_tokens }) => input_tokens));
}

const threeDays = `start_time=${midnightS}&end_time=${midnightS + 3 * dayS}`;

test("a day's requests are one sum, and a day without any is empty", async () => {
  const page = await ask(threeDays);
  expect(inputsOf(page)).toEqual([[60], [], [40]]);
  expect(page.data[0]).toMatchObject({
    start_time: midnightS,
    end_time: midnightS + dayS,
    results: [{ input_tokens: 60, input_cached_tokens: 4, output_tokens: 6, num_model_requests: 3, project_id: null }],
  });
  expect(page).toMatchObject({ has_more: false, next_page: null });
});

test.each([
  { query: "group_by[]=project_id", groups: [{ project_id: "proj_a" }, { project_id: "proj_b" }], inputs: [30, 30] },
  { query: "group_by[]=model", groups: [{ model: "other" }, { model: "pocket" }], inputs: [30, 30] },
  {
    query: "group_by[]=api_key_id&group_by[]=model",
    groups: [
      { api_key_id: "key-1", model: "pocket" },
      { api_key_id: "key-2", model: "pocket" },
      { api_key_id: "key-3", model: "other" },
    ],
    inputs: [10, 20, 30],
  },
])("sums are kept apart by $query", async ({ query, groups, inputs }) => {
  const { data } = await ask(`${threeDays}&${query}`);
  expect(data[0]?.results).toMatchObject(groups.map((group, index) => ({ ...group, input_tokens: inputs[index] })));
});

test.each([
  ["project_ids[]=proj_b", [[30], [], [40]]],
  ["api_key_ids[]=key-1&api_key_ids[]=key-2", [[30], [], []]],
  ["models[]=other", [[30], [], [40]]],
  ["models[]=none", [[], [], []]],
])("sums are of %s alone", async (query, inputs) => {
  expect(inputsOf(await ask(`${threeDays}&${query}`))).toEqual(inputs);
});

test("pages follow each other without a gap", async () => {
  const first = await ask(`${threeDays}&limit=2`);
  expect([inputsOf(first), first.has_more]).toEqual([[[60], []], true]);
  const second = await ask(`${threeDays}&limit=2&page=${first.next_page}`);
  expect([inputsOf(second), second.has_more, second.next_page]).toEqual([[[40]], false, null]);
});

test("hours are hours", async () => {
  const { data } = await ask(`start_time=${midnightS + 60}&end_time=${midnightS + 7200}&bucket_width=1h`);
  expect(data.map(({ start_time }) => start_time)).toEqual([midnightS, midnightS + 3600]);
});

test.each([
  ["", "start_time"],
  ["start_time=x", "start_time"],
  ["start_time=1&bucket_width=1w", "bucket_width"],
  ["start_time=1&limit=32", "limit"],
  ["start_time=1&group_by[]=user_id", "group_by[0]"],
  ["start_time=1&colour=red", "colour"],
])("?%s is refused for its %s", async (query, param) => {
  const response = await edge.organization("GET", `/usage/completions?${query}`);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param } });
});

test("a request is in the usage within seconds; its key reads its own, and no other's", async () => {
  edge.region("amsterdam").usageOf = () => ({ promptTokens: 7, completionTokens: 3 });
  const { id, value } = await edge.createKey();
  await edge.complete(value, {});
  const query = `start_time=${Math.floor(Date.now() / 1000) - 60}&bucket_width=1m&group_by[]=api_key_id`;
  await vi.waitFor(
    async () => {
      const { data } = await ask(query, value);
      const results = data.flatMap((bucket) => bucket.results);
      expect(results).toMatchObject([{ api_key_id: id, input_tokens: 7, output_tokens: 3, num_model_requests: 1 }]);
    },
    { timeout: 20_000, interval: 200 },
  );
  expect(inputsOf(await ask(`${threeDays}&api_key_ids[]=key-1`, value))).toEqual([[], [], []]);
  const { value: other } = await edge.createKey({ scopes: ["inference"] });
  expect((await edge.organization("GET", `/usage/completions?${query}`, undefined, other)).status).toBe(403);
});
