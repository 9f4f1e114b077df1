// `POST /v1/batches` under an `Idempotency-Key`.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type BatchEdge, createOf, ended, linesOf, resetRegion, startBatchEdge, upload } from "./support/batches.ts";

let edge: BatchEdge["edge"];
let region: BatchEdge["region"];
let key: string;
let client: BatchEdge["client"];
let clientOf: BatchEdge["clientOf"];
let numKeys = 0;

beforeAll(async () => {
  ({ edge, region, key, client, clientOf } = await startBatchEdge({ BATCH_MAX_ACTIVE: "3" }));
});
afterAll(async () => edge.stop());
beforeEach(() => {
  resetRegion(region);
  numKeys += 1;
});

/** Makes a batch under this test's idempotency key. */
async function make(input_file_id: string, fields: object = {}, { as = key, name = `key-${numKeys}` } = {}) {
  const body = { input_file_id, endpoint: "/v1/chat/completions", completion_window: "24h", ...fields };
  return edge.fetch("/v1/batches", {
    method: "POST",
    headers: { authorization: `Bearer ${as}`, "content-type": "application/json", "idempotency-key": name },
    body: JSON.stringify(body),
  });
}

async function idOf(response: Response): Promise<string> {
  expect(response.status).toBe(200);
  return ((await response.json()) as { id: string }).id;
}

test("a retry is given the batch that was made, as it is now, though its input is gone", async () => {
  const input = await upload(linesOf(2), client);
  const first = await make(input);
  expect(first.headers.has("idempotent-replayed")).toBe(false);
  const id = await idOf(first);
  const batch = await ended(id, client);
  await client.files.delete(input);
  const second = await make(input);
  expect(second.headers.get("idempotent-replayed")).toBe("true");
  expect(await second.json()).toEqual(batch);
  expect(region.received).toHaveLength(2);
});

test("retries that come together make one batch", async () => {
  const input = await upload(linesOf(2), client);
  const ids = await Promise.all(Array.from({ length: 8 }, async () => idOf(await make(input))));
  expect(new Set(ids).size).toBe(1);
  await ended(ids[0] ?? "", client);
  const listed = (await client.batches.list()).data.filter(({ input_file_id }) => input_file_id === input);
  expect(listed.map(({ id }) => id)).toEqual([ids[0]]);
  expect(region.received).toHaveLength(2);
});

test("another body under the key is a conflict", async () => {
  const input = await upload(linesOf(1), client);
  await ended(await idOf(await make(input)), client);
  const response = await make(input, { metadata: { of: "another" } });
  expect(response.status).toBe(409);
  expect(await response.json()).toMatchObject({ error: { code: "idempotency_conflict" } });
});

test("another key of the project, and no idempotency key at all, makes another batch", async () => {
  const input = await upload(linesOf(1), client);
  const other = (await edge.createKey()).value;
  const ids = [
    await idOf(await make(input)),
    await idOf(await make(input, {}, { as: other })),
    (await createOf(input, clientOf(other))).id,
  ];
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) await ended(id, client);
});

test("what was refused is made by the retry, once nothing is in its way", async () => {
  const refused = await make("file-none");
  expect(refused.status).toBe(400);
  const input = await upload(linesOf(1), client);
  await ended(await idOf(await make(input)), client);
});

test("an idempotency key that is none is refused, naming it", async () => {
  const response = await make("file-none", {}, { name: "x".repeat(256) });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param: "Idempotency-Key" } });
});
