// The tensors of a Hugging Face directory, wherever its shards put them.
import { readFile, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { CheckpointError } from "./model-errors.ts";
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
const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** @throws CheckpointError when there are no safetensors, or they are damaged. */
export async function openCheckpoint(modelDir: string): Promise<Checkpoint> {
  const paths = await Promise.all((await shardNames(modelDir)).map((name) => realFile(join(modelDir, name))));
  const folders = new Set(paths.map((path) => dirname(path)));
  const [weightsFolder] = folders;
  if (weightsFolder === undefined || folders.size > 1) {
    throw new CheckpointError(`${modelDir}: the shards must lie in one folder`);
  }

  const tensors = new Map<string, CheckpointTensor>();
  for (const path of paths) {
    for (const [name, entry] of await readSafetensorsHeader(path))
      tensors.set(name, { ...entry, fileName: basename(path) });
  }
  return { weightsFolder, fileNames: paths.map((path) => basename(path)), tensors };
}

async function shardNames(modelDir: string): Promise<readonly string[]> {
  const index = await readFile(join(modelDir, indexFile), "utf8").catch(() => undefined);
  if (index === undefined) return [singleFile];
  const parsed = indexSchema.safeParse(JSON.parse(index));
  if (!parsed.success) throw new CheckpointError(`${modelDir}: malformed ${indexFile}`);
  const names = [...new Set(Object.values(parsed.data.weight_map))].toSorted();
  if (names.some((name) => basename(name) !== name)) {
    throw new CheckpointError(`${modelDir}: ${indexFile} names a file outside the directory`);
  }
  return names;
}

async function realFile(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (cause) {
    throw new CheckpointError(`${path}: no such weights`, { cause });
  }
}
