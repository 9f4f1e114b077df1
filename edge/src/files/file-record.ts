// A file, as its row in D1 has it and as callers see it. Source: OpenAI API reference, "The file object".
import type { FileObject, FilePurpose } from "@sluice/shared/openai/file.ts";
import type { Principal } from "#edge/auth/principal.ts";
import { encodeBase32 } from "#edge/base32.ts";
import type { Entropy } from "#edge/entropy.ts";
import { toSeconds } from "#edge/admin/page.ts";

/** Whose files: nobody else's are ever seen. */
export type FileOwner = Pick<Principal, "orgId" | "projectId">;

export interface FileRecord extends FileOwner {
  readonly id: string;
  readonly purpose: FilePurpose;
  readonly filename: string;
  readonly sizeBytes: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

/** A new file's id: `file-` and 120 random bits. */
export function newFileId(entropy: Entropy): string {
  return `file-${encodeBase32(entropy(15))}`;
}

/** The name of a file's object in R2. */
export function objectKeyOf({ projectId, id }: Pick<FileRecord, "projectId" | "id">): string {
  return `files/${projectId}/${id}`;
}

export function fileToWire({ id, purpose, filename, sizeBytes, createdAtMs, expiresAtMs }: FileRecord): FileObject {
  return {
    id,
    object: "file",
    bytes: sizeBytes,
    created_at: toSeconds(createdAtMs),
    expires_at: toSeconds(expiresAtMs),
    filename,
    purpose,
    status: "processed",
  };
}
