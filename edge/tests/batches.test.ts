// `/v1/batches` with OpenAI's own client, over the Worker's real queue, Durable Objects, R2 and D1.
import type OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { refuseWith } from "./support/behaviours.ts";
import {
  type BatchEdge,
  create,
  echo,
  ended,
  heldRegion,
  linesOf,
  resetRegion,
  resultsIn,
  saidIn,
  startBatchEdge,
  waitUntil,
} from "./support/batches.ts";
import { assertOpenAi } from "./support/openai-schemas.ts";

let edge: BatchEdge["edge"];
let region: BatchEdge["region"];
let client: BatchEdge["client"];
let clientOf: BatchEdge["clientOf"];

beforeAll(async () => {
  ({ edge, region, client, clientOf } = await startBatchEdge({
    BATCH_MAX_ACTIVE: "3",
    BATCH_MAX_TRIES: "2",
    BATCH_MAX_ANSWER_BYTES: "20000",
  }));
});
afterAll(async () => edge.stop());
beforeEach(() => resetRegion(region));

describe("a batch", () => {
  test("is validated, run and completed; its answers are a file, line by line", async () => {
    const made = await create(linesOf(12), client, { metadata: { who: "me" } });
    assertOpenAi("Batch", made);
    expect(made).toMatchObject({ object: "batch", status: "validating", metadata: { who: "me" } });
    expect((made.expires_at ?? 0) - made.created_at).toBe(24 * 3600);
    const batch = await ended(made.id, client);
    assertOpenAi("Batch", batch);
    expect(batch).toMatchObject({
      status: "completed",
      model: "pocket",
      request_counts: { total: 12, completed: 12, failed: 0 },
      usage: { input_tokens: 60, output_tokens: 24, total_tokens: 84, input_tokens_details: { cached_tokens: 12 } },
    });
    for (const at of [batch.in_progress_at, batch.finalizing_at, batch.completed_at]) expect(at).toBeTypeOf("number");
    expect(batch.error_file_id).toBeUndefined();
    const results = await resultsIn(batch.output_file_id, client);
    expect(results.map(({ custom_id }) => custom_id)).toEqual(linesOf(12).map((_, index) => `line-${index + 1}`));
    expect(results[4]).toMatchObject({
      custom_id: "line-5",
      response: { status_code: 200, body: { content: "say line-5" } },
      error: null,
    });
    expect(new Set(results.map(({ id }) => id)).size).toBe(12);
    const file = await client.files.retrieve(batch.output_file_id ?? "");
    expect(file).toMatchObject({ purpose: "batch_output", filename: `${batch.id}_output.jsonl` });
  });

  test("runs its lines once each, as a flex request of its key, and each is paid for", async () => {
    const batch = await ended((await create(linesOf(9), client)).id, client);
    expect(region.received).toHaveLength(9);
    for (const { passport, headers } of region.received) {
      expect(passport).toMatchObject({ priority: 1 });
      expect(headers["content-type"]).toBe("application/json");
    }
    const requestIds = (await resultsIn(batch.output_file_id, client)).map(({ response }) => response?.request_id);
    expect(new Set(requestIds)).toEqual(new Set(region.received.map(({ passport }) => passport?.rid)));
    const database = await edge.worker.database();
    await vi.waitFor(async () => {
      const { results } = await database.prepare("SELECT request_id, prompt_tokens FROM usage").all();
      const rows = results as { request_id: string; prompt_tokens: number }[];
      for (const id of requestIds) expect(rows.filter(({ request_id }) => request_id === id)).toHaveLength(1);
    }, 10_000);
  });

  test("goes on when turns of it have failed, as soon as they need not", async () => {
    const held = heldRegion(region);
    const { id } = await create(linesOf(3), client);
    await waitUntil(() => held.numHeld() === 3);
    const database = await edge.worker.database();
    await database
      .prepare("CREATE TRIGGER broken BEFORE UPDATE ON batches BEGIN SELECT RAISE(ABORT, 'broken'); END")
      .run();
    held.answerAll();
    await waitUntil(() => edge.worker.logs().some((line) => line.includes("turn of a batch to be tried again")));
    expect(await client.batches.retrieve(id)).toMatchObject({ request_counts: { completed: 3 } });
    await database.prepare("DROP TRIGGER broken").run();
    expect(await ended(id, client)).toMatchObject({ status: "completed", request_counts: { completed: 3 } });
    expect(region.received).toHaveLength(3);
  });

  test("asks from where it was made: its key's networks hold for its lines", async () => {
    const { value } = await edge.createKey({ allowlist: ["203.0.113.0/24"] });
    const own = clientOf(value).withOptions({ defaultHeaders: { "cf-connecting-ip": "203.0.113.7" } });
    expect(await ended((await create(linesOf(2), own)).id, own)).toMatchObject({ request_counts: { completed: 2 } });
    await expect(create(linesOf(2), clientOf(value))).rejects.toMatchObject({ status: 403 });
  });
});

describe("a line", () => {
  test("that is answered with an error is in the error file, and its batch is completed", async () => {
    region.behaviour = (response, request) => {
      const behave = saidIn(request.body) === "say line-2" ? refuseWith(400) : echo;
      behave(response, request);
    };
    const batch = await ended((await create(linesOf(3), client)).id, client);
    expect(batch).toMatchObject({ status: "completed", request_counts: { total: 3, completed: 2, failed: 1 } });
    expect((await resultsIn(batch.output_file_id, client)).map(({ custom_id }) => custom_id)).toEqual([
      "line-1",
      "line-3",
    ]);
    expect(await resultsIn(batch.error_file_id, client)).toMatchObject([
      { custom_id: "line-2", response: { status_code: 400, body: { error: { message: "said the region" } } } },
    ]);
  });

  test("that fails is tried again, later; one that always fails is told as it failed", async () => {
    const asked: string[] = [];
    region.behaviour = (response, request) => {
      const said = saidIn(request.body);
      const behave = said === "say line-2" || !asked.includes(said) ? refuseWith(500) : echo;
      asked.push(said);
      behave(response, request);
    };
    const batch = await ended((await create(linesOf(2), client)).id, client);
    expect(batch.request_counts).toEqual({ total: 2, completed: 1, failed: 1 });
    expect(asked.toSorted()).toEqual(["say line-1", "say line-1", "say line-2", "say line-2"]);
    expect(await resultsIn(batch.error_file_id, client)).toMatchObject([
      { custom_id: "line-2", response: { status_code: 500 } },
    ]);
  });

  test("waits while regions are full, and is not failed for it", async () => {
    let numAsked = 0;
    region.behaviour = (response, request) => {
      const behave = (numAsked += 1) <= 12 ? refuseWith(503, { "retry-after-ms": "20" }) : echo;
      behave(response, request);
    };
    const batch = await ended((await create(linesOf(4), client)).id, client);
    expect(batch.request_counts).toEqual({ total: 4, completed: 4, failed: 0 });
  });

  test("waits for its key's limits, which hold", async () => {
    const own = clientOf((await edge.createKey({ concurrency: 2 })).value);
    let [numNow, numMost] = [0, 0];
    region.behaviour = (response, request) => {
      numMost = Math.max(numMost, (numNow += 1));
      response.on("finish", () => (numNow -= 1));
      setTimeout(() => echo(response, request), 30);
    };
    const batch = await ended((await create(linesOf(10), own)).id, own);
    expect(batch.request_counts).toEqual({ total: 10, completed: 10, failed: 0 });
    expect(numMost).toBe(2);
  });

  test("whose answer is larger than is kept has failed", async () => {
    region.behaviour = (response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ x: "x".repeat(30_000) }));
    };
    const batch = await ended((await create(linesOf(1), client)).id, client);
    expect(batch.request_counts).toEqual({ total: 1, completed: 0, failed: 1 });
    expect(batch.output_file_id).toBeUndefined();
    expect(await resultsIn(batch.error_file_id, client)).toMatchObject([
      { response: { status_code: 413, body: { error: { code: "request_too_large" } } } },
    ]);
  });
});

describe("batches", () => {
  test("are listed newest first, page by page", async () => {
    const project = (await (await edge.organization("POST", "/projects", { name: "lists" })).json()) as { id: string };
    const created = await edge.organization("POST", `/projects/${project.id}/api_keys`, { name: "lists" });
    const { value } = (await created.json()) as { value: string };
    const own = clientOf(value);
    const list = async () =>
      (await edge.fetch("/v1/batches", { headers: { authorization: `Bearer ${value}` } })).json();
    assertOpenAi("ListBatchesResponse", await list());
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const { id } = await create(linesOf(1), own);
      await ended(id, own);
      ids.push(id);
    }
    const page = await own.batches.list({ limit: 2 });
    expect([page.data.map(({ id }) => id), page.has_more]).toEqual([ids.toReversed().slice(0, 2), true]);
    const all: OpenAI.Batch[] = [];
    for await (const batch of own.batches.list({ limit: 1 })) all.push(batch);
    expect(all.map(({ id }) => id)).toEqual(ids.toReversed());
    expect(all[0]).toEqual(await own.batches.retrieve(ids[2] ?? ""));
    assertOpenAi("ListBatchesResponse", await list());
    const { batches } = client;
    for (const ask of [batches.retrieve.bind(batches), batches.cancel.bind(batches)]) {
      await expect(ask(ids[0] ?? "")).rejects.toMatchObject({ status: 404, code: "not_found", param: "batch_id" });
    }
    expect((await client.batches.list()).data.map(({ id }) => id)).not.toContain(ids[0]);
  });

  test("of one organization are bounded while they are under way", async () => {
    const held = heldRegion(region);
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) ids.push((await create(linesOf(1), client)).id);
    await expect(create(linesOf(1), client)).rejects.toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    await waitUntil(() => held.numHeld() > 0);
    held.answerAll();
    for (const id of ids) expect((await ended(id, client)).status).toBe("completed");
    await vi.waitFor(async () => ended((await create(linesOf(1), client)).id, client), 10_000);
  });

  test("keep their files for as long as they are told to", async () => {
    const output_expires_after = { anchor: "created_at", seconds: 7200 };
    const batch = await ended((await create(linesOf(1), client, { output_expires_after })).id, client);
    const file = await client.files.retrieve(batch.output_file_id ?? "");
    expect(file.expires_at).toBeGreaterThanOrEqual(file.created_at + 7199);
    expect(file.expires_at).toBeLessThan(file.created_at + 7300);
  });
});
