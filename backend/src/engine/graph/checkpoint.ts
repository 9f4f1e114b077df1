// The tensors of a Hugging Face directory, wherever its shards put them.
import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { CheckpointError } from "./model-errors.ts";
import { readJson } from "./read-json.ts";
import { readSafetensorsHeader } from "./safetensors.ts";
import type { TensorEntry } from "./safetensors.ts";

export interface CheckpointTensor extends TensorEntry {
  /** Inside the checkpoint's weights folder. */
  readonly fileName: string;
}

export interface Checkpoint {
  /** Where the weight files really lie: a Hub snapshot is symbolic links to a folder of blobs. */
  readonly weightsFolder: string;
  readonly fileNames: readonly string[];
  // tensor name -> where it lies
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
}

const singleFile = "model.safetensors";
const indexFile = "model.safetensors.index.json";
const again = "download the checkpoint again (safetensors only: other formats are not read)";
// A name, so that no index leads out of its directory.
const shardName = z.string().regex(/^[^/\\]+\.safetensors$/);
const indexSchema = z.object({ weight_map: z.record(z.string(), shardName) });

/** @throws CheckpointError when there are no safetensors, or they are damaged. */
export async function openCheckpoint(modelDir: string): Promise<Checkpoint> {
  const index = await readIndex(modelDir);
  const shardNames = index === undefined ? [singleFile] : [...new Set(index.values())].toSorted();
  const paths = await Promise.all(shardNames.map((name) => realFile(join(modelDir, name))));
  const folders = new Set(paths.map((path) => dirname(path)));
  const [weightsFolder] = folders;
  if (weightsFolder === undefined || folders.size > 1) {
    throw new CheckpointError(`${modelDir}: the shards must lie in one folder`);
  }

  const tensors = new Map<string, CheckpointTensor>();
  for (const path of paths) {
    for (const [name, entry] of await readSafetensorsHeader(path)) {
      if (tensors.has(name)) throw new CheckpointError(`${path}: ${name} is in another shard, too`);
      tensors.set(name, { ...entry, fileName: basename(path) });
    }
  }
  for (const [name, shard] of index ?? []) {
    if (!tensors.has(name)) throw new CheckpointError(`${join(modelDir, shard)}: no ${name}, ${again}`);
  }
  return { weightsFolder, fileNames: paths.map((path) => basename(path)), tensors };
}

/** tensor name -> the shard it is said to be in; undefined when all are in one file. */
async function readIndex(modelDir: string): Promise<ReadonlyMap<string, string> | undefined> {
  const json = await readJson(join(modelDir, indexFile));
  if (json === undefined) return undefined;
  const parsed = indexSchema.safeParse(json);
  if (parsed.success) return new Map(Object.entries(parsed.data.weight_map));
  throw new CheckpointError(`${join(modelDir, indexFile)}: not an index of safetensors files in its own directory`);
}

async function realFile(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    throw new CheckpointError(`${path}: no such weights, ${again}`, { cause });
  }
}
