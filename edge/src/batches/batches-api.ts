// `/v1/batches`, in the shapes of OpenAI's API. Whoever gets here was admitted; what belongs to other projects is not there.
import { AppError } from "@sluice/shared/errors.ts";
import type { Batch, BatchList } from "@sluice/shared/openai/batch.ts";
import { batchListQuerySchema } from "@sluice/shared/openai/batch-request.ts";
import { type Handler, Hono, type MiddlewareHandler } from "hono";
import { toListPage } from "#edge/admin/page.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { readQuery } from "#edge/admin/read-query.ts";
import type { EdgeContext } from "#edge/context.ts";
import { atTier } from "#edge/middleware/at-tier.ts";
import { keepFilesInPlace } from "#edge/middleware/keep-files-in-place.ts";
import { refuseMethod } from "#edge/middleware/refuse.ts";
import type { Parts } from "#edge/parts.ts";
import { createBatch } from "./create-batch.ts";

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

function listBatches({ batchDirectory }: Parts): Handler<EdgeContext> {
  return async (c) => {
    const page = parseRequest(batchListQuerySchema, readQuery(c.req.url));
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

function found(batch: Batch | undefined): Batch {
  if (batch === undefined)
    throw new AppError("not_found", { param: "batch_id", publicText: "There is no such batch." });
  return batch;
}
