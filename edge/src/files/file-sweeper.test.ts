import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import migration from "../../migrations/0004_files.sql?raw";
import { applyMigration } from "#edge/admin/test-database.ts";
import { Database } from "#edge/admin/database.ts";
import { FileDirectory } from "./file-directory.ts";
import { ObjectStore } from "./object-store.ts";
import { FileStore } from "./file-store.ts";
import { FileSweeps } from "./file-sweeps.ts";

const owner = { orgId: "org", projectId: "proj" };
const sweeper = () => env.FILE_SWEEPER.getByName("files");
const directory = new FileDirectory(new Database(env.DB, 5_000));
const files = new FileStore(new ObjectStore(env.FILES, 5_000), directory, Date.now);
const sweeps = new FileSweeps(env.FILE_SWEEPER, 5_000);

beforeAll(async () => applyMigration(env.DB, migration));
afterEach(() => vi.restoreAllMocks());

async function begin(id: string, uploadMs = 60_000) {
  await sweeps.expect(Date.now() + uploadMs);
  const upload = await files.begin({ ...owner, id, purpose: "batch", reservedBytes: 9_000_000, uploadMs }, 1e9);
  if (upload === undefined) throw new Error("no room");
  return upload;
}

async function make(id: string, lifetimeMs: number): Promise<void> {
  const upload = await begin(id);
  await upload.write(new TextEncoder().encode("{}"));
  await upload.commit({ filename: id, lifetimeMs });
}

async function names(): Promise<{ objects: string[]; rows: string[] }> {
  const { objects } = await env.FILES.list();
  const { results } = await env.DB.prepare("SELECT id FROM files ORDER BY id").all<{ id: string }>();
  return { objects: objects.map(({ key }) => key), rows: results.map(({ id }) => id) };
}

const nextAlarmMs = async () => runInDurableObject(sweeper(), async (_, { storage }) => storage.getAlarm());

test("what is over goes, row and object, and the rest stays", async () => {
  await make("old", -1);
  await make("young", 3_600_000);
  await runDurableObjectAlarm(sweeper());
  expect(await names()).toEqual({ objects: ["files/proj/young"], rows: ["young"] });
  expect(await nextAlarmMs()).toBeGreaterThan(Date.now() + 3_000_000);
  await files.delete("proj", "young");
});

test("an upload whose Worker died is taken back, with the parts that R2 has of it", async () => {
  const upload = await begin("died", -1);
  await upload.write(new Uint8Array(6 * 1024 * 1024));
  const [row] = await directory.due(Date.now(), 1);
  const uploadId = row?.uploadId ?? "";
  expect(uploadId).not.toBe("");
  await runDurableObjectAlarm(sweeper());
  expect(await names()).toEqual({ objects: [], rows: [] });
  await expect(env.FILES.resumeMultipartUpload("files/proj/died", uploadId).complete([])).rejects.toThrow(
    "multipart upload",
  );
  await expect(upload.commit({ filename: "late", lifetimeMs: 60_000 })).rejects.toThrow("multipart upload");
});

test("a file whose deletion was cut off is deleted", async () => {
  await make("cut", 60_000);
  expect(await directory.markDeleting("proj", "cut", Date.now())).toBe(true);
  expect(await directory.find("proj", "cut", Date.now())).toBeUndefined();
  await runDurableObjectAlarm(sweeper());
  expect(await names()).toEqual({ objects: [], rows: [] });
  expect(await nextAlarmMs()).toBeNull();
});

test("what cannot be removed is tried again a minute later", async () => {
  await make("stuck", -1);
  await env.DB.prepare("CREATE TRIGGER stuck BEFORE DELETE ON files BEGIN SELECT RAISE(ABORT, 'stuck'); END").run();
  vi.spyOn(console, "error").mockReturnValue();
  await runDurableObjectAlarm(sweeper());
  expect((await names()).rows).toEqual(["stuck"]);
  expect(await nextAlarmMs()).toBeGreaterThan(Date.now() + 50_000);
  await env.DB.prepare("DROP TRIGGER stuck").run();
  await runDurableObjectAlarm(sweeper());
  expect((await names()).rows).toEqual([]);
});

test("an earlier file brings the sweep forward, a later one does not put it off", async () => {
  const nowMs = Date.now();
  await sweeps.expect(nowMs + 100_000);
  await sweeps.expect(nowMs + 50_000);
  await sweeps.expect(nowMs + 90_000);
  expect(await nextAlarmMs()).toBe(nowMs + 50_000);
});
