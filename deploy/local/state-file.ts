// The files in the state directory that the stack itself writes and reads again.
import { readFile, rename, writeFile } from "node:fs/promises";
import type * as z from "zod";

/**
 * What a JSON file says; undefined when there is none. `remedy` is what to do about one that says nothing usable.
 * @throws Error that names such a file, with the remedy; never what is in it.
 */
export async function readStateFile<Schema extends z.ZodType>(
  file: string,
  schema: Schema,
  remedy: string,
): Promise<z.output<Schema> | undefined> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new Error(`${file} is damaged, or of another version. ${remedy}`, { cause });
  }
}

/** Replaces the file in one step, so that a reader never sees half of it. Only its owner may read it. */
export async function writeStateFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, file);
}
