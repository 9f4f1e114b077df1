import { readdir, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openCheckpoint } from "./checkpoint.ts";
import { parseConfig } from "./config.ts";
import type { DecoderConfig } from "./config.ts";
import type { LinearRole } from "./linear-role.ts";
import { fusedMatrices, separateMatrices } from "./matrix-groups.ts";
import type { MatrixGroup } from "./matrix-groups.ts";
import { quantizedName } from "./quantize.ts";
import { quantizeCheckpoint } from "./quantized-cache.ts";
import { layerTensorNames } from "./tensor-names.ts";
import { temporaryFolder } from "#platform/temporary-folder.ts";

const golden = (name: string) => fileURLToPath(new URL(`../../../test-data/golden/${name}`, import.meta.url));

async function quantizeGolden(cacheDir: string, precision: "int8" | "int4" = "int4", name = "grouped-tied") {
  const config = parseConfig(JSON.parse(await readFile(join(golden(name), "config.json"), "utf8")));
  const checkpoint = await openCheckpoint(golden(name));
  let numTensors = 0;
  const onProgress = () => numTensors++;
  const quantized = await quantizeCheckpoint(checkpoint, precision, separateMatrices(config), { cacheDir, onProgress });
  const path = join(quantized.weightsFolder, quantized.fileNames[0] ?? "");
  return { quantized, path, numTensors };
}

test("quantizes once: the second time the file is only read", async () => {
  await using folder = await temporaryFolder();
  const first = await quantizeGolden(folder.path);
  const { mtimeMs } = await stat(first.path);
  const second = await quantizeGolden(folder.path);
  expect(first.numTensors).toBeGreaterThan(0);
  expect(second.numTensors).toBe(0);
  expect((await stat(second.path)).mtimeMs).toBe(mtimeMs);
  expect(second.quantized).toEqual(first.quantized);
});

test("keeps precisions and checkpoints apart, and leaves nothing else behind", async () => {
  await using folder = await temporaryFolder();
  const made = [
    await quantizeGolden(folder.path, "int4"),
    await quantizeGolden(folder.path, "int8"),
    await quantizeGolden(folder.path, "int4", "wide-heads"),
  ];
  expect((await readdir(folder.path)).length).toBe(new Set(made.map(({ path }) => path)).size);
});

test("keeps the same weights apart when they are read in other shapes", async () => {
  await using folder = await temporaryFolder();
  const config = parseConfig(JSON.parse(await readFile(join(golden("grouped-tied"), "config.json"), "utf8")));
  const checkpoint = await openCheckpoint(golden("grouped-tied"));
  const { down } = layerTensorNames(0);
  const tensor = checkpoint.tensors.get(down);
  if (tensor === undefined) throw new Error("no such tensor");
  const turned = new Map(checkpoint.tensors).set(down, { ...tensor, shape: tensor.shape.toReversed() });
  const made = [checkpoint, { ...checkpoint, tensors: turned }].map((each) =>
    quantizeCheckpoint(each, "int4", separateMatrices(config), { cacheDir: folder.path }),
  );
  const names = (await Promise.all(made)).flatMap(({ fileNames }) => fileNames);
  expect(new Set(names).size).toBe(2);
});

test.each<[string, LinearRole[], (config: DecoderConfig) => number]>([
  ["one after another", ["gate", "up"], () => 1],
  ["by K/V head", ["query", "key", "value"], ({ numKvHeads }) => numKvHeads],
])("matrices held as one, %s, have the numbers that each has on its own", async (_, roles, numRunsOf) => {
  await using folder = await temporaryFolder();
  const config = parseConfig(JSON.parse(await readFile(join(golden("grouped-tied"), "config.json"), "utf8")));
  const checkpoint = await openCheckpoint(golden("grouped-tied"));
  const names = roles.map((role) => layerTensorNames(0)[role]);
  const bytesOf = async (groups: readonly MatrixGroup[], name: string) => {
    const { weightsFolder, fileNames, tensors } = await quantizeCheckpoint(checkpoint, "int4", groups, {
      cacheDir: folder.path,
    });
    const { offsetBytes = 0, lengthBytes = 0 } = tensors.get(name) ?? {};
    const bytes = await readFile(join(weightsFolder, fileNames[0] ?? ""));
    return bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
  };
  const own = await Promise.all(names.map((name) => bytesOf(separateMatrices(config), quantizedName(name))));
  const numRuns = numRunsOf(config);
  const runs = Array.from({ length: numRuns }, (_, run) =>
    own.map((bytes) => bytes.subarray((run * bytes.length) / numRuns, ((run + 1) * bytes.length) / numRuns)),
  );
  const fused = await bytesOf(fusedMatrices(config, "int4", "int8"), quantizedName(names.join("+")));
  expect(fused).toEqual(Buffer.concat(runs.flat()));
  expect(fused.length).toBeGreaterThan(0);
});

test.each<[string, (path: string) => Promise<void>]>([
  ["is cut short", async (path) => truncate(path, (await stat(path)).size - 100)],
  ["is empty", (path) => truncate(path, 0)],
  ["has one bit flipped", (path) => flipBit(path)],
])("makes a cached file anew that %s", async (_, damage) => {
  await using folder = await temporaryFolder();
  const { path } = await quantizeGolden(folder.path);
  const whole = await readFile(path);
  await damage(path);
  expect(await readFile(path)).not.toEqual(whole);
  await quantizeGolden(folder.path);
  expect(await readFile(path)).toEqual(whole);
});

async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = bytes.length >> 1;
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  await writeFile(path, bytes);
}
