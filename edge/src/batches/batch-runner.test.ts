import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import batchesMigration from "../../migrations/0005_batches.sql?raw";
import { applyMigration } from "#edge/admin/test-database.ts";
import type { BatchHead } from "./batch-head.ts";

beforeAll(async () => applyMigration(env.DB, batchesMigration));

function headOf(id: string, changes: Partial<BatchHead> = {}): BatchHead {
  return {
    id,
    caller: { orgId: "org_runner", projectId: "proj_runner", keyId: "key", place: {} },
    endpoint: "/v1/chat/completions",
    inputFileId: "file-none",
    inputSizeBytes: 10,
    metadata: null,
    outputLifetimeMs: 1e9,
    status: "validating",
    createdAtMs: 0,
    expiresAtMs: Date.now() + 1e6,
    turn: 1,
    numFailures: 0,
    checkedBytes: 0,
    checkedLines: 0,
    outputBytes: 0,
    errors: [],
    ...changes,
  };
}

const runnerOf = (id: string) => env.BATCH_RUNNER.getByName(JSON.stringify(["org_runner", "proj_runner", id]));

async function isListed(id: string): Promise<boolean> {
  return (await env.DB.prepare("SELECT id FROM batches WHERE id = ?1").bind(id).all()).results.length > 0;
}

test("a batch that ended long ago is forgotten, and is not listed any more", async () => {
  const runner = runnerOf("old");
  await runner.create(
    headOf("old", { status: "completed", endedAtMs: 1, counts: { total: 0, completed: 0, failed: 0 } }),
  );
  expect(await isListed("old")).toBe(true);
  expect((await runner.read())?.status).toBe("completed");
  await runDurableObjectAlarm(runner);
  expect(await runner.read()).toBeUndefined();
  expect(await isListed("old")).toBe(false);
});

test("one that is nobody's is not there, and nothing is made of asking", async () => {
  const runner = runnerOf("nobody");
  expect(await runner.read()).toBeUndefined();
  expect(await runner.cancel()).toBeUndefined();
  await runner.work(1);
  expect(await runDurableObjectAlarm(runner)).toBe(false);
});
