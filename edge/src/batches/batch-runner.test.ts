import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import batchesMigration from "../../migrations/0005_batches.sql?raw";
import { applyMigration } from "#edge/admin/test-database.ts";
import { atTheStart, type BatchHead } from "./batch-head.ts";

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
    createdAtMs: 0,
    expiresAtMs: Date.now() + 1e6,
    ...atTheStart,
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

describe("a batch that is made again", () => {
  const request = { requestHash: "hash" };

  test("is the one that there is, also while that is being made", async () => {
    const runner = runnerOf("again");
    const creations = await Promise.all([1, 2, 3].map(async () => runner.create(headOf("again", request))));
    expect(creations.map(({ kind }) => kind)).toEqual(["created", "existing", "existing"]);
    expect(await runner.find("hash")).toMatchObject({ kind: "existing", batch: { id: "again" } });
  });

  test("by another request is refused", async () => {
    const runner = runnerOf("other");
    await runner.create(headOf("other", request));
    expect(await runner.create(headOf("other", { requestHash: "another" }))).toEqual({ kind: "conflict" });
    expect(await runner.find("another")).toEqual({ kind: "conflict" });
  });

  test("is made when it could not be listed before, or nobody heard that it was", async () => {
    const runner = runnerOf("late");
    await env.DB.prepare(
      "CREATE TRIGGER broken BEFORE INSERT ON batches BEGIN SELECT RAISE(ABORT, 'broken'); END",
    ).run();
    await runInDurableObject(runner, async (batch) => {
      await expect(batch.create(headOf("late", request))).rejects.toMatchObject({ code: "unavailable" });
    });
    await env.DB.prepare("DROP TRIGGER broken").run();
    expect(await runner.find("hash")).toBeUndefined();
    await env.DB.prepare("INSERT INTO batches VALUES ('late', 'org_runner', 'proj_runner', 0, 1, '{}')").run();
    expect(await runner.create(headOf("late", request))).toMatchObject({ kind: "created" });
    expect((await runner.read())?.id).toBe("late");
  });
});
