import type { ServerResponse } from "node:http";
import { encodeEvent } from "@sluice/shared/sse.ts";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { dieMidStream, ping, streamForever, streamTokens, tokenStream } from "./support/behaviours.ts";
import { startDevWorker } from "./support/dev-worker.ts";
import { Edge } from "./support/edge.ts";
import type { MockRegion } from "./support/mock-region.ts";

const numCallers = 20;

let edge: Edge;
let region: MockRegion;
let key: string;

beforeAll(async () => {
  edge = await Edge.start(startDevWorker, ["amsterdam"], { ANSWER_TIMEOUT_MS: "4000" });
  region = edge.region("amsterdam");
  key = (await edge.createKey()).value;
});
afterAll(async () => edge.stop());

beforeEach(() => {
  region.received.length = 0;
});

test("a stream passes through byte for byte", async () => {
  region.behaviour = streamTokens(500);
  const response = await edge.complete(key, { stream: true });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  expect(await response.text()).toBe(tokenStream(500));
});

test("a token reaches the caller before the region has written the next", async () => {
  const asked = Promise.withResolvers<ServerResponse>();
  region.behaviour = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    asked.resolve(response);
  };
  const response = await edge.complete(key, { stream: true });
  const upstream = await asked.promise;
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let index = 0; index < 20; index += 1) {
    const event = encodeEvent({ index });
    upstream.write(event);
    expect((await reader?.read())?.value).toBe(event);
  }
  await reader?.cancel();
});

test("a region that dies in mid-stream ends the stream with an error event, not with [DONE]", async () => {
  region.behaviour = dieMidStream;
  const response = await edge.complete(key, { stream: true });
  const events = (await response.text()).split("\n\n").filter((event) => event.trim() !== "");
  expect(events.slice(0, 2)).toEqual(['data: {"index":0}', 'data: {"index":1}']);
  expect(events).toHaveLength(3);
  expect(JSON.parse(events[2]?.trim().replace("data: ", "") ?? "")).toMatchObject({
    error: { type: "server_error", code: "upstream_error" },
  });
});

test("a stream that outlives the longest answer is cut off, and says so", async () => {
  region.behaviour = streamForever;
  const text = await (await edge.complete(key, { stream: true })).text();
  expect(text).toMatch(/\n\ndata: {"error":.*\n\n$/);
  expect(await numAbandonedAtLast(1)).toBe(1);
});

test.each([
  { when: "while tokens flow", behaviour: streamForever },
  { when: "during prefill, between two pings", behaviour: ping },
])("callers who leave $when close every upstream", async ({ behaviour }) => {
  region.behaviour = behaviour;
  const controllers = Array.from({ length: numCallers }, () => new AbortController());
  const calls = controllers.map(async ({ signal }) => edge.complete(key, { stream: true }, { signal }));
  const responses = await Promise.all(calls);
  await Promise.all(responses.map(async (response) => response.body?.getReader().read()));
  for (const controller of controllers) controller.abort();
  expect(await numAbandonedAtLast(numCallers)).toBe(numCallers);
});

// workerd hears of a caller who closed its connection only when it writes to it: a FIN alone may be a half-closed connection
// that still waits for its answer. This is why a region must speak within a second, if only to say `: ping`.
test("callers who leave before the first byte close every upstream at the region's first ping", async () => {
  const left = Promise.withResolvers<undefined>();
  region.behaviour = (...call) => void left.promise.then(() => ping(...call));
  const controllers = Array.from({ length: numCallers }, () => new AbortController());
  const calls = controllers.map(async ({ signal }) => edge.complete(key, { stream: true }, { signal }));
  const settled = Promise.allSettled(calls);
  await vi.waitUntil(() => region.received.length === numCallers, { timeout: 10_000, interval: 5 });
  for (const controller of controllers) controller.abort();
  expect((await settled).every(({ status }) => status === "rejected")).toBe(true);
  left.resolve(undefined);
  expect(await numAbandonedAtLast(numCallers)).toBe(numCallers);
});

/** How many requests the region saw closed, once that is `numExpected` or five seconds have passed. */
async function numAbandonedAtLast(numExpected: number): Promise<number> {
  const isDone = vi.waitUntil(() => region.numAbandoned === numExpected, { timeout: 5_000, interval: 20 });
  await isDone.catch(() => undefined);
  return region.numAbandoned;
}
