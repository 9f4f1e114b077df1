// A file that proves it is whole: its last 32 bytes are the SHA-256 of all before them. It appears under its name only
// when complete, by a rename, so that a reader never meets one half written, nor two writers each other.
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

const sealBytes = 32;

/** Whether there is a file of that name and its content is what was once sealed. */
export async function isSealed(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isFile() || found.size < sealBytes) return false;
  const seal: Buffer[] = [];
  for await (const chunk of createReadStream(path, { start: found.size - sealBytes })) seal.push(chunk as Buffer);
  return (await sha256([path], found.size - sealBytes)).equals(Buffer.concat(seal));
}

/** Writes a file through `write`, seals it, and gives it its name. On failure nothing is left. */
export async function writeSealed(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = `${path}.${randomUUID()}.part`;
  try {
    const file = await open(temporary, "wx");
    try {
      await write(file);
      const { size } = await file.stat();
      await file.write(await sha256([temporary]), 0, sealBytes, size);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The SHA-256 of the files one after another, or of the first `lengthBytes` of each. */
export async function sha256(paths: readonly string[], lengthBytes = Infinity): Promise<Buffer> {
  const hash = createHash("sha256");
  for (const path of paths) {
    if (lengthBytes === 0) continue;
    const stream = createReadStream(path, { end: lengthBytes - 1, highWaterMark: 4 * 1024 * 1024 });
    for await (const chunk of stream) hash.update(chunk as Buffer);
  }
  return hash.digest();
}
