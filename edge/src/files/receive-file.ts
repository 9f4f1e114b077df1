// `POST /v1/files`. Source: OpenAI API reference, "Upload file".
import { AppError } from "@sluice/shared/errors.ts";
import { fileFieldsSchema } from "@sluice/shared/openai/file-requests.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import type { Handler, MiddlewareHandler } from "hono";
import { nestFields } from "#edge/admin/read-query.ts";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { Entropy } from "#edge/entropy.ts";
import type { FileBounds } from "./file-bounds.ts";
import { type FileOwner, type FileRecord, fileToWire, newFileId } from "./file-record.ts";
import type { FileStore, FileUpload } from "./file-store.ts";
import type { FileSweeps } from "./file-sweeps.ts";
import { type Form, readForm } from "./read-form.ts";

/** What a form has beside its file. */
const maxOverheadBytes = 64 * 1024;
const maxFilenameLength = 512;
/** From the end of an upload until its row is given up. */
const settleMs = 60_000;

export interface ReceiveParts {
  /** Throws when the caller may not any more what it might when its upload began. */
  readonly enter: MiddlewareHandler<EdgeContext>;
  readonly files: FileStore;
  readonly sweeps: FileSweeps;
  readonly bounds: FileBounds;
  readonly entropy: Entropy;
  readonly now: Clock;
}

export function receiveFile(parts: ReceiveParts): Handler<EdgeContext> {
  return async (c) => {
    const assertStillMay = async (): Promise<void> => void (await parts.enter(c, async () => undefined));
    const receiving = receive(c.req.raw, c.get("principal"), assertStillMay, parts);
    // A caller's leaving cancels whatever was not promised: also the taking back of what it sent.
    c.executionCtx.waitUntil(receiving.catch(() => undefined));
    return c.json(fileToWire(await receiving));
  };
}

async function receive(
  request: Request,
  owner: FileOwner,
  assertStillMay: () => Promise<void>,
  parts: ReceiveParts,
): Promise<FileRecord> {
  const { files, sweeps, bounds, entropy, now } = parts;
  const maxBytes = bounds.maxFileBytes + maxOverheadBytes;
  const declaredBytes = Number(request.headers.get("content-length") ?? maxBytes);
  if (declaredBytes > maxBytes) throw new AppError("request_too_large");
  const { orgId, projectId } = owner;
  const uploadMs = bounds.uploadTimeoutMs + settleMs;
  await sweeps.expect(now() + uploadMs);
  const file = {
    id: newFileId(entropy),
    orgId,
    projectId,
    purpose: "batch",
    reservedBytes: declaredBytes,
    uploadMs,
  } as const;
  const upload = await files.begin(file, bounds.maxStorageBytes);
  if (upload === undefined) throw storageExceeded(bounds.maxStorageBytes);
  try {
    const form = await readForm(request, { maxBytes, timeoutMs: bounds.uploadTimeoutMs }, async (bytes) => {
      if (upload.sizeBytes + bytes.byteLength > bounds.maxFileBytes) throw new AppError("request_too_large");
      await upload.write(bytes);
    });
    await assertStillMay();
    return await commit(upload, form, bounds);
  } catch (thrown) {
    await upload.abandon();
    throw thrown;
  }
}

async function commit(upload: FileUpload, { fields, filename }: Form, { retentionMs }: FileBounds) {
  const { expires_after: lifetime } = parseRequest(fileFieldsSchema, nestFields(fields));
  if (upload.sizeBytes === 0) throw new AppError("invalid_value", { param: "file", publicText: "The file is empty." });
  const lifetimeMs = lifetime === undefined ? retentionMs : lifetime.seconds * 1000;
  return upload.commit({ filename: (filename ?? "upload").slice(0, maxFilenameLength), lifetimeMs });
}

function storageExceeded(maxStorageBytes: number): AppError {
  return new AppError("request_exceeds_limit", {
    param: "file",
    publicText: `Your organization's files may take ${maxStorageBytes} bytes together. Delete some before you upload more.`,
  });
}
