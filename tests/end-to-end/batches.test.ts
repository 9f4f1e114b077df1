// A batch whose every process is killed halfway, on a stack of its own.
import { readdir } from "node:fs/promises";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI, { toFile } from "openai";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createBudgetKey } from "./charges.ts";
import { descendants } from "./descendants.ts";
import { isRunning, type RunningStack, startStack, type StackFile } from "./start-stack.ts";

const numLines = 300;

let running: RunningStack;
let stack: StackFile;
let client: OpenAI;

beforeAll(async () => {
  running = await startStack();
  stack = await running.stackFile();
  const apiKey = await createBudgetKey(stack, 10_000_000);
  client = new OpenAI({ baseURL: stack.baseUrl, apiKey, maxRetries: 0 });
});
afterAll(() => running.dispose());

/** Counting to a number that the line's name tells, so that every answer can be told from every other. */
function questionOf(line: number) {
  const content = `Count from 1 to ${5 + (line % 20)}.`;
  return { model: stack.model, temperature: 0, max_tokens: 60, messages: [{ role: "user" as const, content }] };
}

async function createBatch(): Promise<OpenAI.Batch> {
  const lines = Array.from({ length: numLines }, (_, line) =>
    JSON.stringify({ custom_id: String(line), method: "POST", url: "/v1/chat/completions", body: questionOf(line) }),
  );
  const file = await client.files.create({
    file: await toFile(Buffer.from(lines.join("\n")), "in.jsonl"),
    purpose: "batch",
  });
  const options = { endpoint: "/v1/chat/completions", completion_window: "24h" } as const;
  return client.batches.create({ input_file_id: file.id, ...options });
}

async function untilBatch(id: string, isReached: (batch: OpenAI.Batch) => boolean): Promise<OpenAI.Batch> {
  for (;;) {
    const batch = await client.batches.retrieve(id);
    if (isReached(batch)) return batch;
    await sleep(50);
  }
}

async function killEverything(): Promise<void> {
  const { supervisorPid, edgePid, regions } = stack;
  const pids = [supervisorPid, ...(await descendants(edgePid)), edgePid, ...regions.flatMap((region) => region.pids)];
  for (const pid of pids) process.kill(pid, "SIGKILL");
  for (const pid of pids) await expect.poll(() => isRunning(pid), { timeout: 10_000 }).toBe(false);
}

interface ResultLine {
  readonly custom_id: string;
  readonly response: { readonly request_id: string; readonly body: OpenAI.ChatCompletion };
}

/** Request ids in the ledger, each as often as it is there. */
async function billedRequests(): Promise<string[]> {
  const folder = path.join(running.stateDir, "edge/v3/d1/miniflare-D1DatabaseObject");
  const billed: string[] = [];
  for (const file of (await readdir(folder)).filter((name) => name.endsWith(".sqlite"))) {
    const database = new DatabaseSync(path.join(folder, file), { readOnly: true });
    const hasLedger = database.prepare("SELECT name FROM sqlite_master WHERE name = 'usage'").all().length > 0;
    const rows = hasLedger ? database.prepare("SELECT request_id FROM usage").all() : [];
    billed.push(...rows.map((row) => String(row["request_id"])));
    database.close();
  }
  return billed;
}

it("is taken up again where it was: no line is answered twice, none is billed twice, none is lost", async () => {
  const { id } = await createBatch();
  const before = await untilBatch(id, ({ request_counts }) => (request_counts?.completed ?? 0) > numLines / 5);
  expect(before.status).toBe("in_progress");
  await killEverything();

  const port = new URL(stack.baseUrl).port;
  running = await startStack({ SLUICE_STATE: running.stateDir, SLUICE_PORT: port });
  const found = await client.batches.retrieve(id);
  expect(found.request_counts?.completed).toBeGreaterThan(numLines / 5);
  expect(found.request_counts?.completed).toBeLessThan(numLines);
  stack = await running.stackFile();

  const batch = await untilBatch(id, ({ status }) => status === "completed");
  expect(batch.request_counts).toEqual({ total: numLines, completed: numLines, failed: 0 });
  expect(batch.error_file_id).toBeUndefined();
  const text = await (await client.files.content(batch.output_file_id ?? "")).text();
  const results = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as ResultLine);
  expect(results.map(({ custom_id }) => custom_id)).toEqual(
    Array.from({ length: numLines }, (_, line) => String(line)),
  );
  for (const line of [0, 3, numLines - 1]) {
    const alone = await client.chat.completions.create(questionOf(line));
    expect(results[line]?.response.body.choices[0]?.message.content).toBe(alone.choices[0]?.message.content);
  }

  // Entries of the ledger that were on their way when everything died are gone with the local queue, which lives in memory.
  const answered = new Set(results.map(({ response }) => response.request_id));
  expect(answered.size).toBe(numLines);
  const ofBatch = (billed: readonly string[]): string[] => billed.filter((request) => answered.has(request));
  const numAlone = 3;
  const patience = { timeout: 20_000 };
  await expect.poll(async () => ofBatch(await billedRequests()).length, patience).toBeGreaterThan(numLines * 0.7);
  // Nothing else was billed: no try of a line that was lost.
  const numOthers = async (): Promise<number> => {
    const billed = await billedRequests();
    return billed.length - ofBatch(billed).length;
  };
  await expect.poll(numOthers, patience).toBe(numAlone);
}, 300_000);
