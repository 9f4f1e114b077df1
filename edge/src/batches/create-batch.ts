// `POST /v1/batches`. A batch that is made under an `Idempotency-Key` has its name from it, so that the batch itself tells a retry
// from another request for as long as it is kept, however the first attempt was lost.
import { AppError } from "@sluice/shared/errors.ts";
import { type BatchRequest, batchRequestSchema } from "@sluice/shared/openai/batch-request.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { sha256Base64Url } from "@sluice/shared/passport.ts";
import type { Context, Handler } from "hono";
import { readJson } from "#edge/body/read-json.ts";
import type { EdgeContext } from "#edge/context.ts";
import { idempotencyKeyOf, replayedHeaders } from "#edge/idempotency/idempotency-key.ts";
import type { Parts } from "#edge/parts.ts";
import { atTheStart, type BatchCaller, type BatchHead } from "./batch-head.ts";
import { batchIdOf, newBatchId } from "./batch-id.ts";
import type { Creation } from "./batch-runner.ts";

const windowMs = 24 * 3_600_000;
/** An organization's batches end one by one. */
const retryAfterMs = 60_000;

export function createBatch(parts: Parts): Handler<EdgeContext> {
  const { batchRunners, config, entropy } = parts;
  return async (c) => {
    const { bytes, value } = await readJson(c.req.raw, config.bounds);
    const request = parseRequest(batchRequestSchema, value);
    const caller = callerOf(c);
    const idempotencyKey = idempotencyKeyOf(c.req.raw);
    if (idempotencyKey === undefined) {
      const head = await headOf(parts, request, { id: newBatchId(entropy), caller });
      return answer(c, await batchRunners.create(head), config.batches.maxActive);
    }
    const id = await batchIdOf(caller.keyId, idempotencyKey);
    const requestHash = await sha256Base64Url(bytes);
    // Before the input is looked for, which may be gone since.
    const creation =
      (await batchRunners.find(caller, id, requestHash)) ??
      (await batchRunners.create(await headOf(parts, request, { id, caller, requestHash })));
    return answer(c, creation, config.batches.maxActive);
  };
}

function answer(c: Context<EdgeContext>, creation: Creation, maxActive: number): Response {
  switch (creation.kind) {
    case "created":
      return c.json(creation.batch);
    case "existing":
      return c.json(creation.batch, 200, replayedHeaders);
    case "conflict":
      throw new AppError("idempotency_conflict");
    case "too_many": {
      const publicText = `Your organization has ${maxActive} batches under way, which is as many as it may have.`;
      throw new AppError("rate_limit_exceeded", { publicText, retryAfterMs });
    }
  }
}

/** Throws `invalid_value` when there is no such input. */
async function headOf(
  { files, config, now }: Parts,
  request: BatchRequest,
  name: Pick<BatchHead, "id" | "caller" | "requestHash">,
): Promise<BatchHead> {
  const file = await files.directory.find(name.caller.projectId, request.input_file_id, now());
  if (file?.purpose !== "batch") {
    const publicText = "There is no file of this id whose purpose is 'batch'.";
    throw new AppError("invalid_value", { param: "input_file_id", publicText });
  }
  const createdAtMs = now();
  const lifetimeS = request.output_expires_after?.seconds;
  return {
    ...name,
    endpoint: request.endpoint,
    inputFileId: file.id,
    inputSizeBytes: file.sizeBytes,
    metadata: request.metadata ?? null,
    outputLifetimeMs: lifetimeS === undefined ? config.fileBounds.retentionMs : lifetimeS * 1000,
    createdAtMs,
    expiresAtMs: createdAtMs + windowMs,
    ...atTheStart,
  };
}

function callerOf(c: Context<EdgeContext>): BatchCaller {
  const ip = c.req.header("cf-connecting-ip");
  const origin = c.req.header("origin");
  const place = ["latitude", "longitude", "continent"].flatMap((name) => {
    const value = c.req.raw.cf?.[name];
    return typeof value === "string" ? [[name, value]] : [];
  });
  return {
    ...c.get("principal"),
    ...(ip !== undefined && { ip }),
    ...(origin !== undefined && { origin }),
    place: Object.fromEntries(place) as Record<string, string>,
  };
}
