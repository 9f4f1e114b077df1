// Files: their bytes in R2, their rows in D1. Whatever ends an upload, nothing of it is seen, and nothing of it stays.
//
// Order is what keeps the two together: the row (uploading) before the object, the object before the row says ready; the row
// says deleting before the object goes, the object before the row. Whoever dies in between leaves a row that is due to the sweep.
import type { FilePurpose } from "@sluice/shared/openai/file.ts";
import type { Clock } from "#edge/clock.ts";
import type { FileDirectory, Remains } from "./file-directory.ts";
import { type FileOwner, type FileRecord, objectKeyOf } from "./file-record.ts";
import type { ObjectStore } from "./object-store.ts";
import { PartWriter } from "./part-writer.ts";

export interface NewFile extends FileOwner {
  readonly id: string;
  readonly purpose: FilePurpose;
  /** Set aside until the size is known. */
  readonly reservedBytes: number;
  /** How long the upload may take. */
  readonly uploadMs: number;
}

interface FileName {
  readonly filename: string;
  /** From when its upload began, which is when it was created. */
  readonly lifetimeMs: number;
}

export interface FileUpload {
  /** So far. */
  readonly sizeBytes: number;
  write(bytes: Uint8Array): Promise<void>;
  /** The file is there from now on. */
  commit(name: FileName): Promise<FileRecord>;
  /** Leaves nothing. */
  abandon(): Promise<void>;
}

export class FileStore {
  readonly #objects: ObjectStore;
  readonly #now: Clock;
  readonly directory: FileDirectory;

  constructor(objects: ObjectStore, directory: FileDirectory, now: Clock) {
    this.#objects = objects;
    this.#now = now;
    this.directory = directory;
  }

  /** Absent when the organization's files would take more than `maxStorageBytes` together. */
  async begin(file: NewFile, maxStorageBytes: number): Promise<FileUpload | undefined> {
    const { id, orgId, projectId, purpose, reservedBytes, uploadMs } = file;
    const createdAtMs = this.#now();
    const identity = { id, orgId, projectId, purpose, createdAtMs };
    const row = { ...identity, filename: "", sizeBytes: reservedBytes, expiresAtMs: createdAtMs + uploadMs };
    if (!(await this.directory.begin(row, maxStorageBytes))) return undefined;
    let uploadId: string | undefined;
    const writer = new PartWriter({
      objects: this.#objects,
      key: objectKeyOf(file),
      onUpload: async (begun) => {
        uploadId = begun;
        await this.directory.noteUpload(id, begun);
      },
    });
    return {
      get sizeBytes() {
        return writer.sizeBytes;
      },
      write: async (bytes) => writer.write(bytes),
      commit: async ({ filename, lifetimeMs }) => {
        await writer.finish();
        const record = { ...identity, filename, sizeBytes: writer.sizeBytes, expiresAtMs: createdAtMs + lifetimeMs };
        if (!(await this.directory.commit(record))) throw new Error("the upload was given up");
        return record;
      },
      abandon: async () => this.remove({ id, projectId, uploadId }),
    };
  }

  /** The file's bytes, or of these the range that the headers ask for. Absent when there is no object any more. */
  async read(file: Pick<FileRecord, "projectId" | "id">, range?: R2Range | Headers): Promise<R2ObjectBody | undefined> {
    return this.#objects.get(objectKeyOf(file), range);
  }

  /** False when the project has no such file. */
  async delete(projectId: string, id: string): Promise<boolean> {
    if (!(await this.directory.markDeleting(projectId, id, this.#now()))) return false;
    await this.remove({ id, projectId, uploadId: undefined });
    return true;
  }

  /** Removes the object, its unfinished upload and the row, in this order; doing so twice is fine. */
  async remove(remains: Remains): Promise<void> {
    const key = objectKeyOf(remains);
    if (remains.uploadId !== undefined) {
      // One that was completed cannot be aborted, and R2 gives up any other by itself after a week.
      await this.#objects.abort(key, remains.uploadId).catch(() => undefined);
    }
    await this.#objects.delete(key);
    await this.directory.forget(remains.id);
  }
}
