// What a batch does when time passes or its object is lost, with regions that answer at once.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, beforeAll, expect, test } from "vitest";
import batchesMigration from "../../migrations/0005_batches.sql?raw";
import filesMigration from "../../migrations/0004_files.sql?raw";
import { applyMigration } from "#edge/admin/test-database.ts";
import { buildParts, type Parts } from "#edge/parts.ts";
import type { Settlement } from "#edge/ledger/settlement.ts";
import { testQuestion } from "#edge/auth/test-question.ts";
import type { BatchHead } from "./batch-head.ts";
import { newBatchId } from "./batch-id.ts";
import { BatchState } from "./batch-state.ts";
import { workOn } from "./batch-work.ts";
import type { LineRequest, LineResponse } from "./line-runner.ts";

const owner = { orgId: "org_batches", projectId: "proj_batches" };
const budget = 1_000;

let parts: Parts;
let nowMs = Date.now();

beforeAll(async () => {
  await applyMigration(env.DB, filesMigration);
  await applyMigration(env.DB, batchesMigration);
  parts = { ...(await buildParts(env)), now: () => nowMs };
});

// Other files' tests find the store as it was.
afterAll(async () => {
  const { directory } = parts.files;
  const all = await directory.list(owner, { limit: 100, order: "asc" }, 0);
  for (const { id } of all) await parts.files.remove({ id, projectId: owner.projectId, uploadId: undefined });
  await runInDurableObject(env.FILE_SWEEPER.getByName("files"), async (_, { storage }) => storage.deleteAlarm());
});

/** A key of its own, with a monthly budget of tokens. */
async function makeKey(keyId: string): Promise<void> {
  const limits = { tokensPerMonth: budget };
  await env.KEY_GATE.getByName(keyId).provision({
    ...owner,
    keyId,
    secretHash: "hash",
    status: "active",
    createdAtMs: 0,
    limits,
  });
}

async function reserve(keyId: string, requestId: string, promptTokens: number): Promise<void> {
  const credential = { kind: "batch", keyId, scopes: ["inference"] } as const;
  const question = testQuestion({ credential, demand: { promptTokens, outputTokens: 0 }, requestId });
  expect(await env.KEY_GATE.getByName(keyId).admit(question)).toMatchObject({ kind: "admitted", isLeased: true });
}

async function leftOf(keyId: string): Promise<number> {
  const credential = { kind: "batch", keyId, scopes: ["inference"] } as const;
  const demand = { promptTokens: 10 * budget, outputTokens: 0 };
  const asked = await env.KEY_GATE.getByName(keyId).admit(testQuestion({ credential, demand, requestId: "look" }));
  if (asked.kind !== "limited") throw new Error("it was let in");
  return asked.refusal.report.tokens?.remaining ?? Number.NaN;
}

async function uploadLines(num: number): Promise<{ id: string; sizeBytes: number }> {
  const id = `file-${crypto.randomUUID()}`;
  const upload = await parts.files.begin({ ...owner, id, purpose: "batch", reservedBytes: 0, uploadMs: 1e6 }, 1e9);
  const lines = Array.from({ length: num }, (_, index) => {
    const body = { model: "pocket", messages: [{ role: "user", content: "hi" }] };
    return JSON.stringify({ custom_id: `line-${index + 1}`, method: "POST", url: "/v1/chat/completions", body });
  });
  await upload?.write(new TextEncoder().encode(lines.join("\n")));
  const { sizeBytes } = (await upload?.commit({ filename: "in", expiresAtMs: nowMs + 1e9 })) ?? { sizeBytes: 0 };
  return { id, sizeBytes };
}

async function headOf(keyId: string, numLines: number): Promise<BatchHead> {
  const file = await uploadLines(numLines);
  return {
    id: newBatchId(parts.entropy),
    caller: { ...owner, keyId, place: {} },
    endpoint: "/v1/chat/completions",
    inputFileId: file.id,
    inputSizeBytes: file.sizeBytes,
    metadata: null,
    outputLifetimeMs: 1e9,
    status: "validating",
    createdAtMs: nowMs,
    expiresAtMs: nowMs + 1e6,
    turn: 1,
    numFailures: 0,
    checkedBytes: 0,
    checkedLines: 0,
    errors: [],
  };
}

/** What an admitted request that an engine computed is settled with. */
function settlementOf(requestId: string, keyId: string, totalTokens: number): Settlement {
  return { requestId, keyId, place: "elsewhere", isLeased: true, totalTokens };
}

function answerTo({ requestId, caller }: LineRequest): LineResponse {
  const settlement = settlementOf(requestId, caller.keyId, 0);
  return { status: 200, body: { said: "hello" }, retryAfterMs: undefined, settlement };
}

/** A batch in its object, as a test works on it; `reopen` is what the object does when it comes back. */
async function withBatch(
  head: BatchHead,
  act: (batch: {
    state: () => BatchState;
    turn: (run?: (line: LineRequest) => Promise<LineResponse>) => Promise<number | undefined>;
    reopen: () => void;
  }) => Promise<void>,
): Promise<void> {
  await runInDurableObject(env.BATCH_RUNNER.getByName(head.id), async (_, { storage }) => {
    let state = BatchState.create(storage, head);
    await act({
      state: () => state,
      turn: async (run = async (line) => answerTo(line)) => workOn({ state, parts, runLine: run }),
      reopen: () => {
        const opened = BatchState.open(storage);
        if (opened === undefined) throw new Error("nothing was written");
        state = opened;
      },
    });
  });
}

async function linesIn(fileId: string | undefined): Promise<Record<string, unknown>[]> {
  const object = await parts.files.read({ ...owner, id: fileId ?? "" });
  const text = (await object?.text()) ?? "";
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("when its window is over, a batch has expired with what was done by then", async () => {
  await makeKey("expiring");
  await withBatch(await headOf("expiring", 5), async ({ state, turn }) => {
    await turn();
    let numAsked = 0;
    const slow = async (line: LineRequest): Promise<LineResponse> => {
      numAsked += 1;
      if (numAsked === 2) nowMs += 2e6;
      return answerTo(line);
    };
    await turn(slow);
    expect(numAsked).toBe(4);
    expect(state().head.status).toBe("finalizing");
    expect(await turn()).toBeUndefined();
    const { status, counts, outputFileId, errorFileId } = state().head;
    expect(status).toBe("expired");
    expect(counts).toEqual({ total: 5, completed: 4, failed: 0 });
    expect(await linesIn(outputFileId)).toHaveLength(4);
    expect(await linesIn(errorFileId)).toMatchObject([
      { custom_id: "line-5", response: null, error: { code: "batch_expired" } },
    ]);
    expect(state().toWire()).toMatchObject({ status: "expired", expired_at: Math.floor(nowMs / 1000) });
  });
});

test("a line that was lost while it ran is given back at its gate, and runs once more", async () => {
  await makeKey("losing");
  await withBatch(await headOf("losing", 1), async ({ state, turn, reopen }) => {
    await turn();
    await reserve("losing", "req_lost", 400);
    state().book.begin(1, "req_lost");
    expect(await leftOf("losing")).toBe(budget - 400);
    reopen();
    const asked: string[] = [];
    await turn(async (line) => {
      asked.push(line.requestId);
      return answerTo(line);
    });
    expect(asked).toHaveLength(1);
    expect(asked).not.toContain("req_lost");
    expect(await leftOf("losing")).toBe(budget);
    expect(state().book.counts()).toEqual({ total: 1, completed: 1, failed: 0 });
  });
});

test("a line that was answered, and lost before it was paid for, is paid for once and not run again", async () => {
  await makeKey("owing");
  await withBatch(await headOf("owing", 2), async ({ state, turn, reopen }) => {
    await turn();
    await reserve("owing", "req_owed", 400);
    state().book.begin(1, "req_owed");
    const settlement = settlementOf("req_owed", "owing", 120);
    state().book.answer(1, { isGood: true, text: '{"custom_id":"line-1"}', settlement });
    reopen();
    const asked: LineRequest[] = [];
    await turn(async (line) => {
      asked.push(line);
      return answerTo(line);
    });
    expect(asked).toHaveLength(1);
    expect(await leftOf("owing")).toBe(budget - 120);
    expect(state().book.uncharged()).toEqual([]);
    await turn();
    const lines = await linesIn(state().head.outputFileId);
    expect(lines.map(({ custom_id }) => custom_id)).toEqual(["line-1", "line-2"]);
  });
});

test("a result file that was complete when the object was lost is not written twice", async () => {
  await makeKey("writing");
  await withBatch(await headOf("writing", 1), async ({ state, turn, reopen }) => {
    await turn();
    await turn();
    const before = state().head;
    expect(before.status).toBe("finalizing");
    await turn();
    const { outputFileId } = state().head;
    expect(outputFileId).toBeDefined();
    // As it was after the file and before the head said so.
    const { outputFileId: _, endedAtMs: __, counts: ___, ...lost } = state().head;
    await withBatch(
      { ...lost, id: newBatchId(parts.entropy), status: "finalizing", draftFileId: outputFileId },
      async (again) => {
        again.state().book.add({ number: 1, customId: "line-1", offset: 0, length: 1 });
        again.state().book.answer(1, { isGood: true, text: "{}", settlement: undefined });
        expect(await again.turn()).toBeUndefined();
        expect(again.state().head.outputFileId).toBe(outputFileId);
      },
    );
    reopen();
    expect(state().head.status).toBe("completed");
  });
});

test("results of many lines, and long ones, are in their files in the order of the input", async () => {
  await makeKey("many");
  const numLines = 1_200;
  await withBatch(await headOf("many", numLines), async ({ state, turn }) => {
    await turn();
    const said = "x".repeat(3_000_000);
    let numAsked = 0;
    await turn(async (line) => {
      numAsked += 1;
      nowMs += 2e6;
      return { ...answerTo(line), body: { said } };
    });
    expect(await turn()).toBeUndefined();
    const { status, outputFileId, errorFileId } = state().head;
    expect(status).toBe("expired");
    const good = await linesIn(outputFileId);
    const others = await linesIn(errorFileId);
    expect(good).toHaveLength(numAsked);
    expect(good[0]).toMatchObject({ response: { status_code: 200, body: { said } } });
    const inOrder = Array.from({ length: numLines }, (_, index) => `line-${index + 1}`);
    expect([...good, ...others].map(({ custom_id }) => custom_id)).toEqual(inOrder);
    expect(new Set([...good, ...others].map(({ id }) => id)).size).toBe(numLines);
  });
});

test("a file of several stretches is validated over several turns, and its lines are found again", async () => {
  await makeKey("long");
  const id = `file-${crypto.randomUUID()}`;
  const upload = await parts.files.begin({ ...owner, id, purpose: "batch", reservedBytes: 0, uploadMs: 1e6 }, 1e9);
  const content = "x".repeat(3_000_000);
  for (let number = 1; number <= 6; number += 1) {
    const body = { model: "pocket", messages: [{ role: "user", content }], user: String(number) };
    const line = { custom_id: `line-${number}`, method: "POST", url: "/v1/chat/completions", body };
    await upload?.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
  }
  const file = await upload?.commit({ filename: "in", expiresAtMs: nowMs + 1e9 });
  const head = { ...(await headOf("long", 1)), inputFileId: id, inputSizeBytes: file?.sizeBytes ?? 0 };
  await withBatch(head, async ({ state, turn, reopen }) => {
    await turn();
    expect(state().head.status).toBe("validating");
    expect(state().book.counts().total).toBe(3);
    reopen();
    await turn();
    expect(state().head.status).toBe("in_progress");
    const users: unknown[] = [];
    await turn(async (line) => {
      users.push((JSON.parse(new TextDecoder().decode(line.body)) as { user: string }).user);
      return answerTo(line);
    });
    expect(new Set(users)).toEqual(new Set(["1", "2", "3", "4", "5", "6"]));
  });
});
