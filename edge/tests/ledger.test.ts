import { importReceiptKey, signReceipt } from "@sluice/shared/receipt.ts";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { streamTokens } from "./support/behaviours.ts";
import { Edge } from "./support/edge.ts";
import { type HarnessWorker, startHarnessWorker } from "./support/harness-worker.ts";
import { type MockRegion, receiptSecret } from "./support/mock-region.ts";

interface AuditPage {
  readonly data: readonly { readonly after: unknown }[];
}

interface Row {
  readonly request_id: string;
  readonly key_id: string;
  readonly status: string;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly reserved_tokens: number | null;
  readonly receipts: string;
}

const patience = { timeout: 25_000, interval: 200 };

let edge: Edge<HarnessWorker>;
let region: MockRegion;
let db: D1Like;

interface D1Like {
  readonly exec: (sql: string) => Promise<unknown>;
  readonly prepare: (sql: string) => { all: () => Promise<{ results: unknown[] }> };
}

beforeAll(async () => {
  edge = await Edge.start(startHarnessWorker, ["amsterdam"]);
  region = edge.region("amsterdam");
  db = (await edge.worker.handle.getEnv())["DB"] as D1Like;
});
afterAll(async () => edge.stop());

beforeEach(() => {
  region.usageOf = () => ({ promptTokens: 7, completionTokens: 3 });
});

async function rowsOf(keyId: string): Promise<readonly Row[]> {
  const { results } = await db.prepare(`SELECT * FROM usage WHERE key_id = '${keyId}'`).all();
  return results as Row[];
}

test("what a request used is in the ledger within seconds, by the region's own word", async () => {
  const { id, value } = await edge.createKey();
  const response = await edge.complete(value, {});
  await vi.waitFor(async () => expect(await rowsOf(id)).toHaveLength(1), patience);
  const [row] = await rowsOf(id);
  expect(row).toMatchObject({
    request_id: response.headers.get("x-request-id"),
    org_id: "org_default",
    project_id: "proj_default",
    model: "pocket",
    region: "amsterdam",
    status: "counted",
    prompt_tokens: 7,
    completion_tokens: 3,
    finish_reason: "stop",
  });
  expect(row?.receipts).toMatch(/^[\w-]+\.[\w-]+$/);
});

test("streams and their abandoned callers are in the ledger too", async () => {
  region.behaviour = streamTokens(3);
  const { id, value } = await edge.createKey();
  await (await edge.complete(value, { stream: true })).text();
  await (await edge.complete(value, { stream: true })).body?.cancel();
  await vi.waitFor(async () => expect(await rowsOf(id)).toHaveLength(2), patience);
  region.behaviour = (response) => response.writeHead(200, { "content-type": "application/json" }).end("{}");
});

test("a request that no engine ran is in no ledger", async () => {
  region.usageOf = () => "none";
  const { id, value } = await edge.createKey();
  const notRun = (await edge.complete(value, {})).headers.get("x-request-id");
  region.usageOf = (requestId) => (requestId === notRun ? "none" : { promptTokens: 1, completionTokens: 1 });
  await edge.complete(value, {});
  await vi.waitFor(async () => expect(await rowsOf(id)).toHaveLength(1), patience);
});

test("a request whose receipt cannot be had is marked, with what was reserved for it", async () => {
  region.usageOf = () => "missing";
  const { id, value } = await edge.createKey({ tpm: 100_000 });
  await edge.complete(value, { max_tokens: 50, messages: [] });
  await vi.waitFor(async () => expect(await rowsOf(id)).toHaveLength(1), patience);
  const [row] = await rowsOf(id);
  expect(row).toMatchObject({ status: "pending", prompt_tokens: 0, completion_tokens: 0 });
  expect(row?.reserved_tokens).toBeGreaterThan(50);
});

/** As the edge logs it when the queue does not take it. */
async function lostEntry(requestId: string, keyId: string) {
  const head = { requestId, region: "amsterdam", model: "pocket", cachedTokens: 0, finishReason: "stop", endedAtMs: 0 };
  const signed = await signReceipt(
    { ...head, promptTokens: 11, completionTokens: 22 },
    await importReceiptKey(receiptSecret),
  );
  const owner = { orgId: "org_default", projectId: "proj_default", keyId, model: "pocket" };
  return { requestId, ...owner, startedAtMs: Date.now(), receipts: [signed], missing: [] };
}

test("usage that never reached the queue is entered by an administrator, once, and as far as a region signed it", async () => {
  const { id, value } = await edge.createKey();
  const entry = await lostEntry("req_lost", id);
  const forged = { ...(await lostEntry("req_forged", id)), receipts: [`${entry.receipts[0]}A`] };
  for (let times = 0; times < 2; times += 1) {
    const entered = await edge.organization("POST", "/usage_entries", { entries: [entry, forged] });
    expect(await entered.json()).toEqual({ object: "organization.usage_entries", num_queued: 2 });
  }
  await vi.waitFor(async () => expect(await rowsOf(id)).toHaveLength(2), patience);
  const rows = (await rowsOf(id)).toSorted((a, b) => b.completion_tokens - a.completion_tokens);
  expect(rows).toMatchObject([
    { request_id: "req_lost", status: "counted", prompt_tokens: 11, completion_tokens: 22 },
    { request_id: "req_forged", prompt_tokens: 0, completion_tokens: 0 },
  ]);
  const log = (await (await edge.organization("GET", "/audit_logs?event_types[]=usage.entered")).json()) as AuditPage;
  expect(log.data[0]?.after).toEqual({ request_ids: ["req_lost", "req_forged"] });
  expect((await edge.organization("POST", "/usage_entries", { entries: [entry] }, value)).status).toBe(403);
});

test.each([
  { entries: [], param: "entries" },
  { entries: [{ requestId: 7 }], param: "entries[0].requestId" },
])("entries of another form are refused, naming $param", async ({ entries, param }) => {
  const response = await edge.organization("POST", "/usage_entries", { entries });
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { param } });
});

// Last, because it breaks the database for a while.
test("requests are answered while D1 is broken, and what they used is entered when it is back", async () => {
  const { id, value } = await edge.createKey();
  await db.exec("ALTER TABLE usage RENAME TO usage_away");
  expect((await edge.complete(value, {})).status).toBe(200);
  // The first batches fail meanwhile.
  const failed = () => edge.worker.logs().some((line) => line.includes("usage not written"));
  await vi.waitFor(() => expect(failed()).toBe(true), patience);
  await db.exec("ALTER TABLE usage_away RENAME TO usage");
  await vi.waitFor(async () => expect(await rowsOf(id)).toHaveLength(1), patience);
});
