// What OpenAI's own client makes of a refusal, left to itself.
import type { ServerResponse } from "node:http";
import OpenAI from "openai";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Edge } from "./support/edge.ts";
import { startHarnessWorker } from "./support/harness-worker.ts";
import type { MockRegion } from "./support/mock-region.ts";

let edge: Edge;
let region: MockRegion;
/** Of all answers to the client, in order. */
const statuses: number[] = [];

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
  region = edge.region("amsterdam");
});
afterAll(async () => edge.stop());
beforeEach(() => {
  statuses.length = 0;
  region.behaviour = answer;
});

function answer(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "application/json" }).end('{"choices":[]}');
}

async function clientWith(terms: object): Promise<OpenAI> {
  const { value } = await edge.createKey(terms);
  return new OpenAI({
    apiKey: value,
    baseURL: `${edge.worker.url}/v1`,
    maxRetries: 2,
    fetch: async (input, init) => {
      const response = await fetch(input, init);
      statuses.push(response.status);
      return response;
    },
  });
}

const chat = { model: "pocket", messages: [{ role: "user" as const, content: "hi" }], max_tokens: 5 };

test("it does not retry what will be refused for longer than it waits", async () => {
  const client = await clientWith({ rpd: 1 });
  await client.chat.completions.create(chat);
  await expect(client.chat.completions.create(chat)).rejects.toMatchObject({
    status: 429,
    code: "rate_limit_exceeded",
  });
  expect(statuses).toEqual([200, 429]);
});

test("it does not retry a conflict", async () => {
  const client = await clientWith({});
  const options = { headers: { "idempotency-key": "one" } };
  await client.chat.completions.create(chat, options);
  const other = client.chat.completions.create({ ...chat, max_tokens: 6 }, options);
  await expect(other).rejects.toMatchObject({ status: 409, code: "idempotency_conflict" });
  expect(statuses).toEqual([200, 409]);
});

test("it comes back for a place when it was told to, and gets in", async () => {
  const client = await clientWith({ concurrency: 1 });
  const held = Promise.withResolvers<ServerResponse>();
  region.behaviour = held.resolve;
  const first = client.chat.completions.create(chat);
  const response = await held.promise;
  region.behaviour = answer;
  const second = client.chat.completions.create(chat);
  await expect.poll(() => statuses, { timeout: 10_000 }).toEqual([429]);
  answer(response);
  await Promise.all([first, second]);
  expect(statuses.filter((status) => status === 200)).toHaveLength(2);
});
