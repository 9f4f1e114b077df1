// What a batch may be made of.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type BatchEdge,
  create,
  createOf,
  ended,
  lineOf,
  linesOf,
  resetRegion,
  resultsIn,
  startBatchEdge,
  upload,
} from "./support/batches.ts";
import { assertOpenAi } from "./support/openai-schemas.ts";

let edge: BatchEdge["edge"];
let region: BatchEdge["region"];
let key: string;
let client: BatchEdge["client"];
let clientOf: BatchEdge["clientOf"];

beforeAll(async () => {
  ({ edge, region, key, client, clientOf } = await startBatchEdge({ BATCH_MAX_LINES: "40" }));
});
afterAll(async () => edge.stop());
beforeEach(() => resetRegion(region));

describe("an input file", () => {
  test.each([
    { what: "no JSON", lines: ["{"], error: { code: "invalid_json_line", line: 1, param: null } },
    {
      what: "no custom_id",
      lines: ['{"method":"POST","url":"/v1/chat/completions","body":{}}'],
      error: { code: "missing_required_parameter", line: 1, param: "custom_id" },
    },
    {
      what: "a custom_id twice",
      lines: [lineOf("a"), lineOf("b"), "", lineOf("a")],
      error: { code: "duplicate_custom_id", line: 4, param: "custom_id" },
    },
    { what: "another method", lines: [lineOf("a", { method: "GET" })], error: { code: "invalid_method", line: 1 } },
    {
      what: "another endpoint",
      lines: [lineOf("a"), lineOf("b", { url: "/v1/embeddings" })],
      error: { code: "mismatched_url", line: 2, param: "url" },
    },
    {
      what: "another model",
      lines: [lineOf("a"), lineOf("b", { body: { model: "other" } })],
      error: { code: "mismatched_model", line: 2, param: "body.model" },
    },
    {
      what: "a body that its endpoint refuses",
      lines: [lineOf("a", { body: { temperature: 3 } })],
      error: { code: "invalid_value", line: 1, param: "body.temperature" },
    },
    {
      what: "a stream",
      lines: [lineOf("a", { body: { stream: true } })],
      error: { code: "unsupported_parameter", line: 1, param: "body.stream" },
    },
    { what: "blank lines only", lines: ["", "  ", ""], error: { code: "empty_file", line: null } },
    { what: "too many lines", lines: linesOf(41), error: { code: "request_limit_exceeded", line: 41 } },
  ])("with $what fails its batch, and nothing runs", async ({ lines, error }) => {
    const batch = await ended((await create(lines, client)).id, client);
    assertOpenAi("Batch", batch);
    expect(batch.status).toBe("failed");
    expect(batch.errors?.data).toMatchObject([error]);
    expect(batch.request_counts).toEqual({ total: 0, completed: 0, failed: 0 });
    expect(region.received).toHaveLength(0);
  });

  test("is told all that is wrong with it, in the order of its lines", async () => {
    const lines = [lineOf("a"), "nonsense", lineOf("a"), lineOf("c", { method: "PUT" })];
    const batch = await ended((await create(lines, client)).id, client);
    expect(batch.errors?.data?.map(({ line }) => line)).toEqual([2, 3, 4]);
  });
});

describe("endpoints", () => {
  test.each([
    {
      endpoint: "/v1/embeddings",
      body: { input: "a" },
      answer: { object: "list", usage: { prompt_tokens: 3, total_tokens: 3 } },
      sum: { input_tokens: 3, output_tokens: 0 },
    },
    {
      endpoint: "/v1/completions",
      body: { prompt: "a" },
      answer: { object: "text_completion", usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 } },
      sum: { input_tokens: 3, output_tokens: 4 },
    },
    {
      endpoint: "/v1/responses",
      body: { input: "a" },
      answer: { object: "response", status: "completed", output: [], usage: { input_tokens: 3, output_tokens: 4 } },
      sum: { input_tokens: 3, output_tokens: 4 },
    },
  ])("$endpoint are asked like chats", async ({ endpoint, body, answer, sum }) => {
    region.behaviour = (response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
    };
    const line = { custom_id: "a", method: "POST", url: endpoint, body: { model: "pocket", ...body } };
    const batch = await ended((await create([JSON.stringify(line)], client, { endpoint })).id, client);
    expect(batch).toMatchObject({ endpoint, request_counts: { completed: 1 }, usage: sum });
    expect(region.received[0]?.url).toBe(endpoint);
    expect(await resultsIn(batch.output_file_id, client)).toMatchObject([{ response: { body: answer } }]);
  });
});

describe("batches", () => {
  test.each([
    { options: { input_file_id: "file-none" }, param: "input_file_id" },
    { options: { endpoint: "/v1/moderations" }, param: "endpoint" },
    { options: { completion_window: "48h" }, param: "completion_window" },
    { options: { output_expires_after: { anchor: "created_at", seconds: 1 } }, param: "output_expires_after.seconds" },
    { options: { priority: 1 }, param: "priority" },
  ])("are refused with $param named when it is wrong", async ({ options, param }) => {
    await expect(create(linesOf(1), client, options)).rejects.toMatchObject({ status: 400, param });
  });

  test("are not made of another project's files, nor of results", async () => {
    const batch = await ended((await create(linesOf(1), client)).id, client);
    const made = createOf(batch.output_file_id ?? "", client);
    await expect(made).rejects.toMatchObject({ status: 400, param: "input_file_id" });
    const project = (await (await edge.organization("POST", "/projects", { name: "other" })).json()) as { id: string };
    const created = await edge.organization("POST", `/projects/${project.id}/api_keys`, { name: "other" });
    const stranger = clientOf(((await created.json()) as { value: string }).value);
    const ofAnother = createOf(await upload(linesOf(1), client), stranger);
    await expect(ofAnother).rejects.toMatchObject({ status: 400, param: "input_file_id" });
  });

  test("are not made when they cannot be listed, and not later either", async () => {
    const input_file_id = await upload(linesOf(1), client);
    const database = await edge.worker.database();
    await database
      .prepare("CREATE TRIGGER broken BEFORE INSERT ON batches BEGIN SELECT RAISE(ABORT, 'broken'); END")
      .run();
    await expect(createOf(input_file_id, client)).rejects.toMatchObject({ status: 503, code: "unavailable" });
    await database.prepare("DROP TRIGGER broken").run();
    const before = (await client.batches.list()).data.length;
    const made = await ended((await createOf(input_file_id, client)).id, client);
    expect(made.status).toBe("completed");
    expect((await client.batches.list()).data).toHaveLength(before + 1);
    expect(region.received).toHaveLength(1);
  });

  test("need a key that may compute, at the flex tier", async () => {
    const reader = clientOf((await edge.createKey({ scopes: ["usage.read"] })).value);
    await expect(reader.batches.list()).rejects.toMatchObject({ status: 403 });
    const input_file_id = await upload(linesOf(1), client);
    const hurried = clientOf((await edge.createKey({ service_tiers: ["default"] })).value);
    await expect(createOf(input_file_id, hurried)).rejects.toMatchObject({ status: 403 });
    const response = await edge.fetch("/v1/batches", { method: "PUT", headers: { authorization: `Bearer ${key}` } });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, POST"]);
  });
});
