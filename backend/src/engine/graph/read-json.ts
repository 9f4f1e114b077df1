import { readFile } from "node:fs/promises";
import { CheckpointError } from "./model-errors.ts";

/** What a JSON file of a checkpoint says; undefined when there is no such file. @throws CheckpointError when it is not JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  });
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch (cause) {
    throw new CheckpointError(`${path}: not JSON; download the checkpoint again`, { cause });
  }
}
