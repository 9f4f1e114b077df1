import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { importReceiptKey, type Receipt, type ReceiptKey, signReceipt } from "@sluice/shared/receipt.ts";
import { importPassportKey } from "@sluice/shared/passport.ts";
import { afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import migration from "../../migrations/0003_usage.sql?raw";
import { consumeUsage, type LedgerParts, replayDeadLetters } from "./consume-usage.ts";
import type { UsageEntry } from "./usage-entry.ts";
import { UsageLedger } from "./usage-ledger.ts";

// Throwaway Ed25519 key, made for these tests alone.
const passportJwk = {
  kty: "OKP",
  crv: "Ed25519",
  d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
  x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
};

const giveUpAfterMs = 60_000;

let receiptKey: ReceiptKey;
let logged: object[] = [];
let parts: LedgerParts;
/** What a region says when it is asked for a receipt. */
let region: () => Promise<Response>;

beforeAll(async () => {
  const statements = migration.replaceAll(/--.*$/gm, "").split(";");
  for (const statement of statements) if (statement.trim() !== "") await env.DB.prepare(statement).run();
  receiptKey = await importReceiptKey("receipt-secret-of-the-tests-0123456789abcdef");
  parts = {
    ledger: new UsageLedger(env.DB),
    regions: [{ id: "near", url: "http://near.test", latitude: 0, longitude: 0, jurisdiction: "eu" }],
    receipts: { passportKey: await importPassportKey(passportJwk), receiptKey, timeoutMs: 1_000, now: Date.now },
    giveUpAfterMs,
    log: {
      info: () => undefined,
      error: (event, fields) => void logged.push({ event, ...fields }),
    },
  };
});

beforeEach(() => {
  logged = [];
  region = async () => {
    throw new Error("connection refused");
  };
  vi.spyOn(globalThis, "fetch").mockImplementation(async () => region());
});
afterEach(() => vi.restoreAllMocks());

async function receiptOf(requestId: string, tokens: Partial<Receipt> = {}): Promise<string> {
  const counts = { promptTokens: 7, cachedTokens: 2, completionTokens: 3 };
  const head = { requestId, region: "near", model: "pocket", finishReason: "stop", endedAtMs: 0 };
  return signReceipt({ ...head, ...counts, ...tokens }, receiptKey);
}

function entryOf(requestId: string, fields: Partial<UsageEntry> = {}): UsageEntry {
  const owner = { orgId: "org", projectId: "project", keyId: "key", model: "pocket" };
  return { requestId, ...owner, startedAtMs: Date.now(), receipts: [], missing: [], reservedTokens: 100, ...fields };
}

async function consume(entries: readonly unknown[], attempts = 1) {
  const messages = entries.map((body, index) => ({ id: String(index), timestamp: 0, attempts, body }));
  const batch = createMessageBatch("sluice-usage", messages);
  await consumeUsage(batch, parts);
  return getQueueResult(batch, createExecutionContext());
}

async function rowOf(requestId: string) {
  return env.DB.prepare("SELECT * FROM usage WHERE request_id = ?1").bind(requestId).first();
}

test("an entry that comes twice, or five times, is one row", async () => {
  const entry = entryOf("twice", { receipts: [await receiptOf("twice")] });
  await consume([entry, entry]);
  await consume([entry, entry, entry]);
  const { results } = await env.DB.prepare("SELECT * FROM usage WHERE request_id = 'twice'").all();
  expect(results).toHaveLength(1);
  expect(results[0]).toMatchObject({ status: "counted", prompt_tokens: 7, cached_tokens: 2, completion_tokens: 3 });
});

test("the receipts of several regions are added up", async () => {
  const first = await receiptOf("moved", { region: "far", completionTokens: 0, finishReason: "error" });
  await consume([entryOf("moved", { receipts: [first, await receiptOf("moved")] })]);
  expect(await rowOf("moved")).toMatchObject({ prompt_tokens: 14, completion_tokens: 3, region: "near" });
});

test("what is not a region's word on this request counts nothing", async () => {
  const forged = (await receiptOf("forged")).replace(/.$/, "A");
  const others = await receiptOf("another");
  await consume([entryOf("forged", { receipts: [forged, others, "nonsense"] })]);
  expect(await rowOf("forged")).toMatchObject({ prompt_tokens: 0, completion_tokens: 0 });
});

test("a missing receipt is asked for again, and its row is pending meanwhile", async () => {
  const entry = entryOf("late", { missing: ["near"] });
  const first = await consume([entry]);
  expect(first.retryMessages).toHaveLength(1);
  expect((await consume([entry], 5)).retryMessages).toHaveLength(1);
  expect(await rowOf("late")).toMatchObject({ status: "pending", reserved_tokens: 100 });
  region = async () => Response.json({ receipts: [await receiptOf("late")] });
  expect((await consume([entry], 6)).retryMessages).toEqual([]);
  expect(await rowOf("late")).toMatchObject({ status: "counted", completion_tokens: 3 });
  await consume([entryOf("late", { receipts: [] })]);
  expect(await rowOf("late")).toMatchObject({ status: "counted", completion_tokens: 3 });
});

test("a receipt that may still be had is not given up, however often D1 failed", async () => {
  const startedAtMs = Date.now() - giveUpAfterMs / 2;
  expect((await consume([entryOf("tried", { startedAtMs, missing: ["near"] })], 10)).retryMessages).toHaveLength(1);
  expect(await rowOf("tried")).toMatchObject({ status: "pending" });
});

test("a receipt that cannot be had in the end is lost, and said so", async () => {
  const entry = entryOf("lost", { missing: ["near", "gone"] });
  await consume([entry]);
  const old = { ...entry, startedAtMs: Date.now() - giveUpAfterMs };
  expect((await consume([old], 2)).retryMessages).toEqual([]);
  expect(logged).toMatchObject([{ event: "receipt lost, charged as reserved", requestId: "lost" }]);
  expect(await rowOf("lost")).toMatchObject({ status: "lost", reserved_tokens: 100 });
});

test("an entry of an unknown form is dropped, told whole, and takes no other with it", async () => {
  await consume([{ requestId: 7 }, entryOf("beside", { receipts: [await receiptOf("beside")] })]);
  expect(await rowOf("beside")).toMatchObject({ status: "counted" });
  expect(logged).toMatchObject([{ event: "usage entry of an unknown form dropped", body: { requestId: 7 } }]);
});

/** The queue's dead letters come back; what is sent on is given. */
async function replay(bodies: readonly unknown[]): Promise<unknown[]> {
  const sent: unknown[] = [];
  const messages = bodies.map((body, index) => ({ id: String(index), timestamp: 0, attempts: 1, body }));
  const queue = new Proxy(env.USAGE_QUEUE, {
    get: () => async (body: unknown, options: QueueSendOptions) => void sent.push([body, options.delaySeconds]),
  });
  await replayDeadLetters(createMessageBatch("sluice-usage-dead", messages), queue, parts.log);
  return sent;
}

test("dead letters are sent to the queue again, five minutes later", async () => {
  const entries = [entryOf("dead-1"), entryOf("dead-2", { missing: ["near"] })];
  expect(await replay([...entries, "nonsense"])).toEqual(entries.map((entry) => [entry, 300]));
  expect(logged).toMatchObject([
    { event: "usage entries died and are replayed", numEntries: 3 },
    { event: "usage entry of an unknown form dropped", body: "nonsense" },
  ]);
});
