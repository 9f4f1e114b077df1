// Batches as the tests work on them: in their objects, over the tests' own clock, with regions that a test plays.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import batchesMigration from "../../../migrations/0005_batches.sql?raw";
import filesMigration from "../../../migrations/0004_files.sql?raw";
import { applyMigration } from "#edge/admin/test-database.ts";
import { testQuestion } from "#edge/auth/test-question.ts";
import type { Settlement } from "#edge/ledger/settlement.ts";
import { buildParts, type Parts } from "#edge/parts.ts";
import { atTheStart, type BatchHead } from "../batch-head.ts";
import { newBatchId } from "../batch-id.ts";
import { BatchState } from "../batch-state.ts";
import { workOn } from "../batch-work.ts";
import type { LineRequest, LineResponse } from "../line-runner.ts";

const owner = { orgId: "org_batches", projectId: "proj_batches" };

/** What a key may use in a month. */
export const budgetTokens = 1_000;

interface TestBatch {
  readonly state: () => BatchState;
  /** Without a word about them, lines are answered well, and the bounds are the configuration's. */
  readonly turn: (
    runLine?: (line: LineRequest) => Promise<LineResponse>,
    bounds?: Partial<Parts["config"]["batches"]>,
  ) => Promise<number | undefined>;
  /** What the object does when it comes back. */
  readonly reopen: () => void;
}

export class TestBatches {
  readonly #parts: Parts;
  nowMs = Date.now();

  private constructor(parts: Parts) {
    this.#parts = { ...parts, now: () => this.nowMs };
  }

  static async prepare(): Promise<TestBatches> {
    await applyMigration(env.DB, filesMigration);
    await applyMigration(env.DB, batchesMigration);
    return new TestBatches(await buildParts(env));
  }

  /** Other files' tests find the store as it was. */
  async cleanUp(): Promise<void> {
    const { files } = this.#parts;
    const all = await files.directory.list(owner, { limit: 100, order: "asc" }, 0);
    for (const { id } of all) await files.remove({ id, projectId: owner.projectId, uploadId: undefined });
    await runInDurableObject(env.FILE_SWEEPER.getByName("files"), async (_, { storage }) => storage.deleteAlarm());
  }

  async makeKey(keyId: string): Promise<void> {
    const terms = { limits: { tokensPerMonth: budgetTokens }, status: "active", createdAtMs: 0 } as const;
    await env.KEY_GATE.getByName(keyId).provision({ ...owner, keyId, secretHash: "hash", ...terms });
  }

  async reserve(keyId: string, requestId: string, promptTokens: number): Promise<void> {
    const credential = { kind: "batch", keyId, scopes: ["inference"] } as const;
    const question = testQuestion({ credential, demand: { promptTokens, outputTokens: 0 }, requestId });
    const admission = await env.KEY_GATE.getByName(keyId).admit(question);
    if (admission.kind !== "admitted") throw new Error("it was not let in");
  }

  /** What the key may still use. */
  async leftOf(keyId: string): Promise<number> {
    const credential = { kind: "batch", keyId, scopes: ["inference"] } as const;
    const demand = { promptTokens: 10 * budgetTokens, outputTokens: 0 };
    const asked = await env.KEY_GATE.getByName(keyId).admit(testQuestion({ credential, demand, requestId: "look" }));
    if (asked.kind !== "limited") throw new Error("it was let in");
    return asked.refusal.report.tokens?.remaining ?? Number.NaN;
  }

  /** A batch of chats that is not validated yet. Lines are called `line-1` and so on; each says `content`, and its number as its user. */
  async headOf(keyId: string, numLines: number, content = "hi"): Promise<BatchHead> {
    const file = await this.#upload(numLines, content);
    return {
      id: newBatchId(this.#parts.entropy),
      caller: { ...owner, keyId, place: {} },
      endpoint: "/v1/chat/completions",
      inputFileId: file.id,
      inputSizeBytes: file.sizeBytes,
      metadata: null,
      outputLifetimeMs: 1e9,
      createdAtMs: this.nowMs,
      expiresAtMs: this.nowMs + 1e6,
      ...atTheStart,
    };
  }

  async withBatch(head: BatchHead, act: (batch: TestBatch) => Promise<void>): Promise<void> {
    const parts = this.#parts;
    await runInDurableObject(env.BATCH_RUNNER.getByName(head.id), async (_, { storage }) => {
      let state = BatchState.create(storage, head);
      await act({
        state: () => state,
        turn: async (runLine = async (line) => answerTo(line), bounds = {}) => {
          const config = { ...parts.config, batches: { ...parts.config.batches, ...bounds } };
          return workOn({ state, parts: { ...parts, config }, runLine });
        },
        reopen: () => {
          const opened = BatchState.open(storage);
          if (opened === undefined) throw new Error("nothing was written");
          state = opened;
        },
      });
    });
  }

  /** None of a file that there is not. */
  async linesIn(fileId: string | undefined): Promise<Record<string, unknown>[]> {
    const object = await this.#parts.files.read({ ...owner, id: fileId ?? "" });
    const lines = ((await object?.text()) ?? "").split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async #upload(numLines: number, content: string): Promise<{ id: string; sizeBytes: number }> {
    const file = {
      ...owner,
      id: `file-${crypto.randomUUID()}`,
      purpose: "batch",
      reservedBytes: 0,
      uploadMs: 1e6,
    } as const;
    const upload = await this.#parts.files.begin(file, 1e9);
    if (upload === undefined) throw new Error("no room");
    for (let number = 1; number <= numLines; number += 1) {
      const body = { model: "pocket", messages: [{ role: "user", content }], user: String(number) };
      const line = { custom_id: `line-${number}`, method: "POST", url: "/v1/chat/completions", body };
      await upload.write(new TextEncoder().encode(`${JSON.stringify(line)}\n`));
    }
    return upload.commit({ filename: "in", lifetimeMs: 1e9 });
  }
}

/** What an admitted request that an engine computed is settled with. */
export function settlementOf(requestId: string, keyId: string, totalTokens: number): Settlement {
  return { requestId, keyId, place: "elsewhere", isLeased: true, totalTokens };
}

export function answerTo({ requestId, caller }: LineRequest, body: object = { said: "hello" }): LineResponse {
  const settlement = settlementOf(requestId, caller.keyId, 0);
  return { status: 200, body: { ...body }, retryAfterMs: undefined, settlement };
}
