import OpenAI, { BadRequestError, NotFoundError, toFile } from "openai";
import { describe, expect, inject, it, vi } from "vitest";
import { documentedFetch } from "./published/documented-fetch.ts";
import { assertPublished } from "./published/published-schemas.ts";
import { count } from "./questions.ts";

const { baseUrl, apiKey, model } = inject("stack");
const client = new OpenAI({ baseURL: baseUrl, apiKey, fetch: documentedFetch(baseUrl), maxRetries: 0 });

type Endpoint = OpenAI.BatchCreateParams["endpoint"];

/** A line for each body; the first is called "0". */
async function createBatch(endpoint: Endpoint, bodies: readonly object[]): Promise<OpenAI.Batch> {
  const lines = bodies.map((body, index) =>
    JSON.stringify({ custom_id: String(index), method: "POST", url: endpoint, body: { model, ...body } }),
  );
  const file = await client.files.create({
    file: await toFile(Buffer.from(lines.join("\n")), "batch.jsonl"),
    purpose: "batch",
  });
  return client.batches.create({ input_file_id: file.id, endpoint, completion_window: "24h" });
}

const endings = ["completed", "failed", "expired", "cancelled"];

async function ended({ id }: OpenAI.Batch): Promise<OpenAI.Batch> {
  return vi.waitFor(
    async () => {
      const batch = await client.batches.retrieve(id);
      expect(endings).toContain(batch.status);
      return batch;
    },
    { timeout: 40_000, interval: 100 },
  );
}

interface Result {
  readonly custom_id: string;
  readonly response: { readonly status_code: number; readonly body: unknown };
}

async function resultsOf(fileId: string | undefined): Promise<Result[]> {
  const text = await (await client.files.content(fileId ?? "")).text();
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Result);
}

const chat = { temperature: 0, messages: [{ role: "user", content: count.question }] };

describe("openai: batches", () => {
  it.each([
    { endpoint: "/v1/chat/completions", body: chat, schema: "CreateChatCompletionResponse" },
    { endpoint: "/v1/completions", body: { prompt: "12, 13, 14,", max_tokens: 4 }, schema: "CreateCompletionResponse" },
    { endpoint: "/v1/embeddings", body: { input: ["a", "b"] }, schema: "CreateEmbeddingResponse" },
    { endpoint: "/v1/responses", body: { input: count.question, max_output_tokens: 20 }, schema: "Response" },
  ] as const)("run lines of $endpoint, each answered as it would be alone", async ({ endpoint, body, schema }) => {
    const batch = await ended(await createBatch(endpoint, [body, body, body]));
    expect(batch).toMatchObject({ status: "completed", request_counts: { total: 3, completed: 3, failed: 0 } });
    expect(batch.usage?.input_tokens).toBeGreaterThan(0);
    const results = await resultsOf(batch.output_file_id);
    expect(results.map(({ custom_id }) => custom_id)).toEqual(["0", "1", "2"]);
    for (const { response } of results) assertPublished(schema, response.body);
  });

  it("answer a chat as the chat's endpoint does, and a response can be gone on from", async () => {
    const [chatBatch, responseBatch] = [
      await createBatch("/v1/chat/completions", [chat]),
      await createBatch("/v1/responses", [{ input: count.question, temperature: 0 }]),
    ];
    const [chatted] = await resultsOf((await ended(chatBatch)).output_file_id);
    const { choices } = chatted!.response.body as OpenAI.ChatCompletion;
    expect(choices[0]?.message.content).toBe(count.answer);
    const [responded] = await resultsOf((await ended(responseBatch)).output_file_id);
    const { id } = responded!.response.body as OpenAI.Responses.Response;
    expect((await client.responses.retrieve(id)).output_text).toBe(count.answer);
    const next = await client.responses.create({ model, previous_response_id: id, input: "Again.", store: false });
    expect(next.previous_response_id).toBe(id);
  });

  it("fail with what is wrong, line by line", async () => {
    const batch = await ended(await createBatch("/v1/embeddings", [{ input: "a" }, { input: "" }, { prompt: "a" }]));
    expect(batch.status).toBe("failed");
    expect(batch.errors?.data).toMatchObject([
      { line: 2, code: "invalid_value", param: "body.input" },
      { line: 3, code: "missing_required_parameter", param: "body.input" },
    ]);
  });

  it("are listed page by page, and cancelled", async () => {
    const endless = { ...chat, ignore_eos: true, max_tokens: 1_000 };
    const bodies = Array.from({ length: 60 }, () => endless);
    const made = await createBatch("/v1/chat/completions", bodies);
    expect(["cancelling", "cancelled"]).toContain((await client.batches.cancel(made.id)).status);
    const batch = await ended(made);
    expect(batch.status).toBe("cancelled");
    expect(batch.cancelled_at).toBeGreaterThanOrEqual(batch.created_at);
    const listed: string[] = [];
    for await (const { id } of client.batches.list({ limit: 3 })) listed.push(id);
    expect(listed[0]).toBe(made.id);
    expect(listed.length).toBeGreaterThan(3);
    expect(new Set(listed).size).toBe(listed.length);
  });

  it("are refused when nothing could be run", async () => {
    const options = { endpoint: "/v1/embeddings", completion_window: "24h" } as const;
    await expect(client.batches.create({ input_file_id: "file-none", ...options })).rejects.toThrow(BadRequestError);
    await expect(client.batches.retrieve("batch_none")).rejects.toThrow(NotFoundError);
    await expect(client.batches.cancel("batch_none")).rejects.toThrow(NotFoundError);
  });
});
