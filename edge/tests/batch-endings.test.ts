// Batches that end before all of their lines are run.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type BatchEdge,
  create,
  ended,
  heldRegion,
  lineOf,
  linesOf,
  resetRegion,
  resultsIn,
  startBatchEdge,
  waitUntil,
} from "./support/batches.ts";
import { assertOpenAi } from "./support/openai-schemas.ts";

let edge: BatchEdge["edge"];
let region: BatchEdge["region"];
let client: BatchEdge["client"];
let clientOf: BatchEdge["clientOf"];

beforeAll(async () => {
  ({ edge, region, client, clientOf } = await startBatchEdge({}));
});
afterAll(async () => edge.stop());
beforeEach(() => resetRegion(region));

describe("a batch that is cancelled", () => {
  test("is so once what runs has ended, with that as its results", async () => {
    const held = heldRegion(region);
    const { id } = await create(linesOf(30), client);
    await waitUntil(() => held.numHeld() === 4);
    const cancelling = await client.batches.cancel(id);
    assertOpenAi("Batch", cancelling);
    expect(cancelling.status).toBe("cancelling");
    expect((await client.batches.cancel(id)).status).toBe("cancelling");
    held.answerAll();
    const batch = await ended(id, client);
    assertOpenAi("Batch", batch);
    expect(batch).toMatchObject({ status: "cancelled", request_counts: { total: 30, completed: 4, failed: 0 } });
    expect(await resultsIn(batch.output_file_id, client)).toHaveLength(4);
    const rest = await resultsIn(batch.error_file_id, client);
    expect(rest).toHaveLength(26);
    expect(rest[0]).toMatchObject({ custom_id: "line-5", response: null, error: { code: "batch_cancelled" } });
    expect(region.received).toHaveLength(4);
    expect((await client.batches.cancel(id)).status).toBe("cancelled");
  });

  test("while it waits for a limit is so at once", async () => {
    const own = clientOf((await edge.createKey({ rpd: 2 })).value);
    const { id } = await create(linesOf(5), own);
    await vi.waitFor(async () => {
      expect((await own.batches.retrieve(id)).request_counts).toMatchObject({ total: 5, completed: 2 });
    }, 10_000);
    expect((await own.batches.retrieve(id)).status).toBe("in_progress");
    await own.batches.cancel(id);
    const batch = await ended(id, own);
    expect(batch).toMatchObject({ status: "cancelled", request_counts: { total: 5, completed: 2, failed: 0 } });
  });

  test("cannot be when it has ended", async () => {
    const { id } = await create(linesOf(1), client);
    await ended(id, client);
    await expect(client.batches.cancel(id)).rejects.toMatchObject({ status: 400, param: "batch_id" });
  });
});

describe("what is left of a batch", () => {
  test("fails when its key is revoked", async () => {
    const { id: keyId, value } = await edge.createKey();
    const own = clientOf(value);
    const held = heldRegion(region);
    const { id } = await create(linesOf(20), own);
    await waitUntil(() => held.numHeld() === 4);
    expect((await edge.admin("DELETE", `/${keyId}`)).status).toBe(200);
    held.answerAll();
    const batch = await ended(id, client);
    expect(batch.status).toBe("completed");
    const numDone = batch.request_counts?.completed ?? 0;
    expect(numDone).toBe(4);
    expect(batch.request_counts?.failed).toBe(20 - numDone);
    const rest = await resultsIn(batch.error_file_id, client);
    expect(rest).toHaveLength(16);
    for (const line of rest) expect(line).toMatchObject({ response: null, error: { code: "key_revoked" } });
  });

  test("fails when its input file is deleted", async () => {
    const held = heldRegion(region);
    const { id, input_file_id } = await create(linesOf(20), client);
    await waitUntil(() => held.numHeld() === 4);
    await client.files.delete(input_file_id);
    held.answerAll();
    const batch = await ended(id, client);
    expect(batch.request_counts).toEqual({ total: 20, completed: 4, failed: 16 });
    expect((await resultsIn(batch.error_file_id, client))[0]).toMatchObject({ error: { code: "input_file_deleted" } });
  });

  test("is told why when nobody serves its model", async () => {
    const lines = [lineOf("a", { body: { model: "none" } }), lineOf("b", { body: { model: "none" } })];
    const batch = await ended((await create(lines, client)).id, client);
    expect(batch.request_counts).toEqual({ total: 2, completed: 0, failed: 2 });
    const errors = await resultsIn(batch.error_file_id, client);
    expect(errors.map(({ error }) => error?.code)).toEqual(["model_not_found", "model_not_found"]);
  });
});
