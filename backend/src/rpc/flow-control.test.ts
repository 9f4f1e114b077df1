import { connect, constants } from "node:http2";
import { connect as connectSocket, createServer, type AddressInfo, type Socket } from "node:net";
import type { GenerateResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Executor, ScheduledSequence } from "#engine/executor/executor.ts";
import { generateRequest, LoopbackEngine, service, startGenerate, untilEnd } from "./loopback-engine.ts";

const limits = { maxNumBatchedTokens: 2048, maxNumSeqs: 4, maxQueuedRequests: 2, maxQueuedTokens: 1_000 };

/** Always the same token, as fast as can be. */
const constantExecutor: Executor = {
  spec: { vocabSize: 2, maxModelLen: 1_000_000, blockSize: 1024, tileSize: 1024, numBlocks: 1024 },
  execute: (batch: readonly ScheduledSequence[]) => Promise.resolve(new Float32Array(2 * batch.length)),
  close: () => Promise.resolve(),
};

let loopback: LoopbackEngine;
let client: Awaited<ReturnType<LoopbackEngine["listen"]>>;

beforeEach(async () => {
  loopback = new LoopbackEngine(constantExecutor, limits);
  client = await loopback.listen();
  await loopback.load();
});
afterEach(() => loopback.close());

test("a caller who does not read delays nobody, and later gets every token in few messages", async () => {
  const maxTokens = 40_000;
  const logprobs = { numTop: 2, prompt: false };
  const slow = startGenerate(client, { ...request("slow", maxTokens), logprobs });
  const first = await new Promise<GenerateResponse>((resolve) => slow.once("data", resolve));
  slow.pause();
  const other = await untilEnd(startGenerate(loopback.connect(), request("other", 100)));
  expect(other.tokenIds).toHaveLength(100);
  await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.length === 2 && numFreeBlocks === 1024);
  const rest = untilEnd(slow);
  slow.resume();
  const { tokenIds, messages, error } = await rest;
  expect(error).toBeUndefined();
  expect(first.tokenIds.length + tokenIds.length).toBe(maxTokens);
  // What fits into the window and the buffers of both ends came one by one; the rest waited, and came together.
  expect(messages.length).toBeLessThan(maxTokens / 2);
  expect(messages.at(-1)?.finish?.completionTokens).toBe(maxTokens);
  // And in messages that gRPC takes, however much waited.
  const lengths = messages.map((message) => message.tokenIds.length);
  expect(Math.max(...lengths)).toBe(4096);
  expect(messages.map((message) => message.logprobs?.tokens.length)).toEqual(lengths);
});

test("a caller who reads slowly gets every choice to its end", async () => {
  const call = startGenerate(client, { ...request("slow", 10_000), n: 3 });
  await new Promise((resolve) => call.once("data", resolve));
  call.pause();
  await loopback.untilLoad(({ totals }) => totals.ended.length === 3);
  const rest = untilEnd(call);
  call.resume();
  const { messages } = await rest;
  const finishes = messages.flatMap(({ index, finish }) => (finish ? [[index, finish.completionTokens]] : []));
  expect(finishes.toSorted(([a], [b]) => (a ?? 0) - (b ?? 0))).toEqual([0, 1, 2].map((index) => [index, 10_000]));
  expect(messages.flatMap(({ tokenIds }) => tokenIds).length).toBeGreaterThan(29_000);
});

test("when more is unread than there may be, the caller who reads least is given up, and nobody else", async () => {
  const crowded = new LoopbackEngine(constantExecutor, limits, undefined, 10_000);
  await crowded.listen();
  await crowded.load();
  const ask = async (name: string, maxTokens: number): Promise<ReturnType<typeof startGenerate>> => {
    const call = startGenerate(crowded.connect(), {
      ...request(name, maxTokens),
      logprobs: { numTop: 2, prompt: false },
    });
    await new Promise((resolve) => call.once("data", resolve));
    return call.pause();
  };
  const [slow, stuck] = [await ask("slow", 2_000), await ask("stuck", 900_000)];
  await crowded.untilLoad(({ totals }) => totals.ended.abort === 1 && totals.ended.length === 1);
  const [whole, given] = [untilEnd(slow), untilEnd(stuck)];
  for (const call of [slow, stuck]) call.resume();
  expect((await given).error).toBeDefined();
  expect((await whole).error).toBeUndefined();
  expect((await whole).tokenIds.length).toBeGreaterThan(1_900);
  await crowded.untilLoad(({ numFreeBlocks }) => numFreeBlocks === 1024);
  await crowded.close();
});

test("a caller who does not read is out of the engine at the deadline all the same", async () => {
  // A gRPC client would reset the stream at its own deadline; this one only asks, and takes 100 bytes.
  const session = connect(`http://127.0.0.1:${loopback.port}`, { settings: { initialWindowSize: 100 } });
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: "POST",
    [constants.HTTP2_HEADER_PATH]: service.generate.path,
    [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
    [constants.HTTP2_HEADER_TE]: "trailers",
    "grpc-timeout": "100m",
  });
  const message = service.generate.requestSerialize(request("stuck", 900_000));
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  stream.end(Buffer.concat([prefix, message]));
  await loopback.untilLoad(({ totals }) => totals.generationTokens > 100);
  await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 1 && numFreeBlocks === 1024);
  expect(stream.closed).toBe(false);
  session.destroy();
});

test("a connection that breaks frees its blocks", async () => {
  const sockets: Socket[] = [];
  const proxy = createServer((socket) => {
    const upstream = connectSocket(loopback.port, "127.0.0.1");
    sockets.push(socket, upstream);
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  const ended = untilEnd(startGenerate(loopback.connect(port), request("cut", 900_000)));
  await loopback.untilLoad(({ totals }) => totals.generationTokens > 100);
  for (const socket of sockets) socket.destroy();
  await loopback.untilLoad(({ totals, numFreeBlocks }) => totals.ended.abort === 1 && numFreeBlocks === 1024);
  expect((await ended).error).toBeDefined();
  proxy.close();
});

function request(requestId: string, maxTokens: number): ReturnType<typeof generateRequest> {
  return generateRequest(requestId, { promptTokenIds: [1], stopping: { maxTokens, stopTokenIds: [] } });
}
