import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openCheckpoint } from "./checkpoint.ts";
import { layOutSafetensors } from "./safetensors-layout.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";

/** A safetensors file of one float32 vector of four. */
function oneTensorFile(name: string): Uint8Array {
  const { bytes } = layOutSafetensors(new Map([[name, { dtype: "F32", shape: [4] }]]));
  return Buffer.concat([bytes, Buffer.alloc(16)]);
}

test("finds the tensors of all shards that the index names", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "a.safetensors"), oneTensorFile("one"));
  await writeFile(join(folder.path, "b.safetensors"), oneTensorFile("two"));
  const index = { metadata: { total_size: 32 }, weight_map: { one: "a.safetensors", two: "b.safetensors" } };
  await writeFile(join(folder.path, "model.safetensors.index.json"), JSON.stringify(index));
  const { tensors } = await openCheckpoint(folder.path);
  expect([...tensors.keys()]).toEqual(["one", "two"]);
  expect(tensors.get("two")).toMatchObject({ fileName: "b.safetensors", dtype: "F32", shape: [4], lengthBytes: 16 });
});

test("follows the links of a Hub snapshot to the folder of blobs", async () => {
  await using folder = await temporaryFolder();
  const snapshot = join(folder.path, "snapshots", "main");
  await mkdir(snapshot, { recursive: true });
  await mkdir(join(folder.path, "blobs"));
  await writeFile(join(folder.path, "blobs", "c0ffee"), oneTensorFile("one"));
  await symlink("../../blobs/c0ffee", join(snapshot, "model.safetensors"));
  const { weightsFolder, tensors } = await openCheckpoint(snapshot);
  expect(weightsFolder.endsWith("/blobs")).toBe(true);
  expect(tensors.get("one")?.fileName).toBe("c0ffee");
});

test("refuses a directory without weights", async () => {
  await using folder = await temporaryFolder();
  await expect(openCheckpoint(folder.path)).rejects.toThrow("no such weights");
});

test.each([
  "../../secret.safetensors",
  "/etc/secret.safetensors",
  "sub/one.safetensors",
  "C:\\one.safetensors",
  "..",
  "",
  "pytorch_model.bin",
])("refuses an index that names %j: not a safetensors file in its own directory", async (name) => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "model.safetensors.index.json"), JSON.stringify({ weight_map: { one: name } }));
  await expect(openCheckpoint(folder.path)).rejects.toThrow("in its own directory");
});

test("refuses shards that are missing, lack what the index says, or hold a tensor twice", async () => {
  await using folder = await temporaryFolder();
  const put = (name: string, tensor: string) => writeFile(join(folder.path, name), oneTensorFile(tensor));
  const index = { weight_map: { one: "a.safetensors", two: "b.safetensors" } };
  await writeFile(join(folder.path, "model.safetensors.index.json"), JSON.stringify(index));
  await put("a.safetensors", "one");
  await expect(openCheckpoint(folder.path)).rejects.toThrow("b.safetensors: no such weights");
  await put("b.safetensors", "three");
  await expect(openCheckpoint(folder.path)).rejects.toThrow("b.safetensors: no two");
  await put("b.safetensors", "one");
  await expect(openCheckpoint(folder.path)).rejects.toThrow("one is in another shard, too");
});

test("refuses an index that is not JSON", async () => {
  await using folder = await temporaryFolder();
  await writeFile(join(folder.path, "model.safetensors.index.json"), "{");
  await expect(openCheckpoint(folder.path)).rejects.toThrow("index.json: not JSON");
});
