// `/v1/batches`, in the shapes of OpenAI's API. Whoever gets here was admitted; what belongs to other projects is not there.
import { AppError } from "@sluice/shared/errors.ts";
import type { Batch, BatchList } from "@sluice/shared/openai/batch.ts";
import { batchListQuerySchema, batchRequestSchema } from "@sluice/shared/openai/batch-request.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { type Context, type Handler, Hono, type MiddlewareHandler } from "hono";
import { toListPage } from "#edge/admin/page.ts";
import { parseInput } from "#edge/admin/parse-input.ts";
import { readQuery } from "#edge/admin/read-query.ts";
import { readJson } from "#edge/body/read-json.ts";
import type { EdgeContext } from "#edge/context.ts";
import { atTier } from "#edge/middleware/at-tier.ts";
import { keepFilesInPlace } from "#edge/middleware/keep-files-in-place.ts";
import { refuseMethod } from "#edge/middleware/refuse.ts";
import type { Parts } from "#edge/parts.ts";
import type { BatchCaller, BatchHead } from "./batch-head.ts";
import { newBatchId } from "./batch-id.ts";

const windowMs = 24 * 3_600_000;
/** An organization's batches end one by one. */
const retryAfterMs = 60_000;

type OneBatch = "/:id";

/** @param enter whether the caller may do this. */
export function batchesApi(parts: Parts, enter: MiddlewareHandler<EdgeContext>): Hono<EdgeContext> {
  const mayKeep = [enter, keepFilesInPlace(parts.config.batches.jurisdiction)] as const;
  const app = new Hono<EdgeContext>();
  app
    .post("/", atTier("flex"), ...mayKeep, createBatch(parts))
    .get(...mayKeep, listBatches(parts))
    .all(refuseMethod("GET", "POST"));
  app.get("/:id", ...mayKeep, retrieveBatch(parts)).all(refuseMethod("GET"));
  app.post("/:id/cancel", ...mayKeep, cancelBatch(parts)).all(refuseMethod("POST"));
  return app;
}

function createBatch({ batchRunners, files, config, entropy, now }: Parts): Handler<EdgeContext> {
  return async (c) => {
    const { value } = await readJson(c.req.raw, config.bounds);
    const request = parseRequest(batchRequestSchema, value);
    const caller = callerOf(c);
    const file = await files.directory.find(caller.projectId, request.input_file_id, now());
    if (file?.purpose !== "batch") throw noSuchInput();
    const createdAtMs = now();
    const lifetimeS = request.output_expires_after?.seconds;
    const head: BatchHead = {
      id: newBatchId(entropy),
      caller,
      endpoint: request.endpoint,
      inputFileId: file.id,
      inputSizeBytes: file.sizeBytes,
      metadata: request.metadata ?? null,
      outputLifetimeMs: lifetimeS === undefined ? config.fileBounds.retentionMs : lifetimeS * 1000,
      status: "validating",
      createdAtMs,
      expiresAtMs: createdAtMs + windowMs,
      turn: 1,
      numFailures: 0,
      checkedBytes: 0,
      checkedLines: 0,
      outputBytes: 0,
      errors: [],
    };
    const creation = await batchRunners.create(head);
    if (creation.kind === "too_many") throw tooMany(config.batches.maxActive);
    return c.json(creation.batch);
  };
}

function listBatches({ batchDirectory }: Parts): Handler<EdgeContext> {
  return async (c) => {
    const page = parseInput(batchListQuerySchema, readQuery(c.req.url));
    const found = await batchDirectory.list(c.get("principal").projectId, page);
    const { first_id, last_id, ...list } = toListPage(found, page, ({ batch }) => JSON.parse(batch) as Batch);
    // OpenAI's schema has them as text, or not at all.
    const ends = { ...(first_id !== null && { first_id }), ...(last_id !== null && { last_id }) };
    return c.json({ ...list, ...ends } satisfies BatchList);
  };
}

function retrieveBatch({ batchRunners }: Parts): Handler<EdgeContext, OneBatch> {
  return async (c) => c.json(found(await batchRunners.read(c.get("principal"), c.req.param("id"))));
}

function cancelBatch({ batchRunners }: Parts): Handler<EdgeContext, "/:id/cancel"> {
  return async (c) => {
    const batch = found(await batchRunners.cancel(c.get("principal"), c.req.param("id")));
    if (batch.status === "cancelling" || batch.status === "cancelled") return c.json(batch);
    const publicText = `Cannot cancel a batch with status '${batch.status}'.`;
    throw new AppError("invalid_value", { param: "batch_id", publicText });
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

function found(batch: Batch | undefined): Batch {
  if (batch === undefined)
    throw new AppError("not_found", { param: "batch_id", publicText: "There is no such batch." });
  return batch;
}

function noSuchInput(): AppError {
  const publicText = "There is no file of this id whose purpose is 'batch'.";
  return new AppError("invalid_value", { param: "input_file_id", publicText });
}

function tooMany(maxActive: number): AppError {
  const publicText = `Your organization has ${maxActive} batches under way, which is as many as it may have.`;
  return new AppError("rate_limit_exceeded", { publicText, retryAfterMs });
}
