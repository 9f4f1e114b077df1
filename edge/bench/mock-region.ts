// A region in a process of its own: status, receipts, and answers as the model's name says. It takes any passport, since
// what a check costs is the region's and not the edge's. Tells its port to the process that forked it.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import {
  importReceiptKey,
  type Receipt,
  receiptHeader,
  type ReceiptQuestion,
  receiptsPath,
  signReceipt,
} from "@sluice/shared/receipt.ts";
import type { RegionStatus } from "@sluice/shared/region-status.ts";
import { doneEvent, encodeEvent } from "@sluice/shared/sse.ts";
import { receiptSecret, regionId } from "./deployment.ts";
import { models, type Scenario, scenarioOf } from "./scenario.ts";

/** What `GET /stats` says. */
export interface RegionStats {
  numRequests: number;
  numChunks: number;
  /** For receipts, each of one or many. */
  numQuestions: number;
  /** Streams whose caller left before they were complete. */
  numAbandoned: number;
  /** Streams under way. */
  numOpen: number;
}

const stats: RegionStats = { numRequests: 0, numChunks: 0, numQuestions: 0, numAbandoned: 0, numOpen: 0 };
const receiptKey = await importReceiptKey(receiptSecret);

const server = createServer((request, response) => void handle(request, response));
server.keepAliveTimeout = 120_000;
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.once("disconnect", () => process.exit());

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = "", url = "" } = request;
  if (url === "/stats") return sendJson(response, stats);
  if (url === "/status") return sendJson(response, status());
  if (url === receiptsPath) return sendReceipts(response, (await json(request)) as ReceiptQuestion);
  if (method !== "POST") return void response.writeHead(404).end();
  const { model, stream } = (await json(request)) as { readonly model: string; readonly stream?: boolean };
  stats.numRequests += 1;
  if (stream === true) return sendStream(response, model, scenarioOf(model));
  response.setHeader(receiptHeader, await receiptOf(String(request.headers["x-request-id"])));
  sendJson(response, { id: "chatcmpl-mock", object: "chat.completion", created: 1, model, choices: [], usage });
}

const usage = { prompt_tokens: 12, completion_tokens: 7, total_tokens: 19 };

function status(): RegionStatus {
  return { region: regionId, status: "ok", models: [...models], numRunning: 0, numWaiting: 0, numQueuedTokens: 0 };
}

function sendJson(response: ServerResponse, value: object): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));
}

async function sendReceipts(response: ServerResponse, { requestIds }: ReceiptQuestion): Promise<void> {
  stats.numQuestions += 1;
  sendJson(response, { receipts: await Promise.all(requestIds.map(receiptOf)) });
}

async function receiptOf(requestId: string): Promise<string> {
  const counts = { promptTokens: 12, cachedTokens: 0, completionTokens: 7 };
  const names = { requestId, region: regionId, engine: "bench-0", model: "mock" };
  const receipt: Receipt = { ...names, ...counts, finishReason: "stop", endedAtMs: Date.now() };
  return signReceipt(receipt, receiptKey);
}

/** Deadlines are absolute, so that what a timer is late does not add up. */
function sendStream(response: ServerResponse, model: string, { numChunks, intervalMs }: Scenario): void {
  stats.numOpen += 1;
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  response.flushHeaders();
  const startedAtMs = performance.now();
  let numSent = 0;
  let timer: NodeJS.Timeout | undefined;
  const step = () => {
    if (response.destroyed) return;
    if (numSent === numChunks) return void response.end(doneEvent);
    // When it was sent, for whoever reads it on the same machine.
    const delta = { content: `@${process.hrtime.bigint()}@` };
    response.write(encodeEvent({ id: "chatcmpl-mock", object: "chat.completion.chunk", model, choices: [{ delta }] }));
    numSent += 1;
    stats.numChunks += 1;
    const waitMs = startedAtMs + numSent * intervalMs - performance.now();
    if (waitMs <= 0) setImmediate(step);
    else timer = setTimeout(step, waitMs);
  };
  response.on("close", () => {
    clearTimeout(timer);
    stats.numOpen -= 1;
    if (!response.writableFinished) stats.numAbandoned += 1;
  });
  step();
}
