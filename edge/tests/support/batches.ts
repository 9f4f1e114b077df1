// Batches as the tests make and read them, with OpenAI's own client.
import type { ServerResponse } from "node:http";
import OpenAI, { toFile } from "openai";
import { expect, vi } from "vitest";
import { Edge } from "./edge.ts";
import { type HarnessWorker, startHarnessWorker } from "./harness-worker.ts";
import type { Behaviour, MockRegion, ReceivedRequest } from "./mock-region.ts";

/** An edge whose one region echoes, with a key of the default project. */
export interface BatchEdge {
  readonly edge: Edge<HarnessWorker>;
  readonly region: MockRegion;
  readonly key: string;
  readonly client: OpenAI;
  readonly clientOf: (apiKey: string) => OpenAI;
}

export async function startBatchEdge(variables: Readonly<Record<string, string>>): Promise<BatchEdge> {
  const edge = await Edge.start(startHarnessWorker, ["amsterdam"], variables);
  const clientOf = (apiKey: string) => new OpenAI({ apiKey, baseURL: `${edge.worker.url}/v1`, maxRetries: 0 });
  const key = (await edge.createKey()).value;
  return { edge, region: edge.region("amsterdam"), key, client: clientOf(key), clientOf };
}

export function resetRegion(region: MockRegion): void {
  region.received.length = 0;
  region.behaviour = echo;
  region.usageOf = () => ({ promptTokens: 5, completionTokens: 2 });
}

interface LineOptions {
  readonly url?: string;
  readonly method?: string;
  readonly body?: object;
}

/** One line of an input file: a chat that says its own name. */
export function lineOf(custom_id: string, options: LineOptions = {}): string {
  const { url = "/v1/chat/completions", method = "POST", body = {} } = options;
  const chat = { model: "pocket", messages: [{ role: "user", content: `say ${custom_id}` }], ...body };
  return JSON.stringify({ custom_id, method, url, body: chat });
}

export const linesOf = (num: number): string[] =>
  Array.from({ length: num }, (_, index) => lineOf(`line-${index + 1}`));

const usage = {
  prompt_tokens: 5,
  completion_tokens: 2,
  total_tokens: 7,
  prompt_tokens_details: { cached_tokens: 1 },
};

/** Answers a chat with the last thing that was said in it. */
export const echo: Behaviour = (response, { body }) => {
  const answer = JSON.stringify({ object: "chat.completion", content: saidIn(body), usage });
  response.writeHead(200, { "content-type": "application/json" }).end(answer);
};

export function saidIn(body: string): string {
  const { messages } = JSON.parse(body) as { messages: { content: string }[] };
  return messages.at(-1)?.content ?? "";
}

export async function upload(lines: readonly string[], by: OpenAI): Promise<string> {
  const file = await toFile(Buffer.from(lines.join("\n")), "input.jsonl");
  return (await by.files.create({ file, purpose: "batch" })).id;
}

/** `options` are a request's parameters, right or wrong. */
export async function create(lines: readonly string[], by: OpenAI, options: object = {}): Promise<OpenAI.Batch> {
  const input_file_id = await upload(lines, by);
  return createOf(input_file_id, by, options);
}

export async function createOf(input_file_id: string, by: OpenAI, options: object = {}): Promise<OpenAI.Batch> {
  return by.batches.create({
    input_file_id,
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    ...options,
  });
}

const endings = ["failed", "completed", "expired", "cancelled"];

export async function ended(id: string, by: OpenAI): Promise<OpenAI.Batch> {
  return vi.waitFor(
    async () => {
      const batch = await by.batches.retrieve(id);
      expect(endings).toContain(batch.status);
      return batch;
    },
    { timeout: 20_000, interval: 50 },
  );
}

interface ResultLine {
  readonly id: string;
  readonly custom_id: string;
  readonly response: { status_code: number; request_id: string; body: Record<string, unknown> } | null;
  readonly error: { code: string; message: string } | null;
}

/** None of a file that there is not. */
export async function resultsIn(fileId: string | null | undefined, by: OpenAI): Promise<ResultLine[]> {
  if (typeof fileId !== "string") return [];
  const text = await (await by.files.content(fileId)).text();
  expect(text.endsWith("\n")).toBe(true);
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as ResultLine);
}

/** A region that answers when it is told to. */
export function heldRegion(region: MockRegion): { readonly numHeld: () => number; readonly answerAll: () => void } {
  const held: [ServerResponse, ReceivedRequest][] = [];
  region.behaviour = (...request) => void held.push(request);
  const answerAll = (): void => {
    region.behaviour = echo;
    for (const request of held.splice(0)) echo(...request);
  };
  return { numHeld: () => held.length, answerAll };
}

export async function waitUntil(isTrue: () => boolean): Promise<void> {
  await vi.waitFor(() => expect(isTrue()).toBe(true), { timeout: 10_000, interval: 20 });
}
