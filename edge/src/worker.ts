// The Worker's entry: builds the app once per isolate and hands it every request.
import { AppError } from "@sluice/shared/errors.ts";
import type { Hono } from "hono";
import { createApp } from "#edge/app.ts";
import { consumeTurns, noteDeadTurns } from "#edge/batches/consume-turns.ts";
import type { Bindings } from "#edge/bindings.ts";
import type { EdgeContext } from "#edge/context.ts";
import { jsonLogger } from "#edge/logger.ts";
import { errorResponse } from "#edge/middleware/render-errors.ts";
import { consumeUsage, replayDeadLetters } from "#edge/ledger/consume-usage.ts";
import { isolateParts } from "#edge/isolate-parts.ts";
import type { Parts } from "#edge/parts.ts";

export { IssuerBoard } from "#edge/auth/jwt/issuer-board.ts";
export { BatchRunner } from "#edge/batches/batch-runner.ts";
export { LineWorker } from "#edge/batches/line-worker.ts";
export { ContinentGate } from "#edge/auth/leased/continent-gate.ts";
export { KeyGate } from "#edge/auth/key-gate.ts";
export { FileSweeper } from "#edge/files/file-sweeper.ts";
export { IdempotencyStore } from "#edge/idempotency/idempotency-store.ts";
export { NetworkBoard } from "#edge/networks/network-board.ts";
export { ResponseStore } from "#edge/responses/response-store.ts";
export { LimitLedger } from "#edge/rate-limit/limit-ledger.ts";
export { RegionBoard } from "#edge/routing/region-board.ts";

let app: Hono<EdgeContext> | undefined;

export default {
  async fetch(request, bindings, context) {
    try {
      app ??= createApp(await isolateParts(bindings));
      return await app.fetch(request, bindings, context);
    } catch (thrown) {
      // Only what happens before or outside the pipeline ends here: above all a misconfigured deployment.
      const error = AppError.from(thrown);
      jsonLogger.error("worker failed", { errorCode: error.code, errorDetail: error.message });
      return errorResponse(error);
    }
  },

  async queue(batch, bindings) {
    const parts = await isolateParts(bindings);
    const { batchRunners, log } = parts;
    // As wrangler.toml names them.
    switch (batch.queue) {
      case "sluice-usage":
        return writeUsage(batch, parts);
      case "sluice-usage-dead":
        return replayDeadLetters(batch, bindings.USAGE_QUEUE, log);
      case "sluice-batches":
        return consumeTurns(batch, batchRunners, log);
      case "sluice-batches-dead":
        return noteDeadTurns(batch, log);
      default:
        throw new Error(`nobody reads the queue ${batch.queue}`);
    }
  },
} satisfies ExportedHandler<Bindings>;

async function writeUsage(batch: MessageBatch, { usageLedger: ledger, receipts, config, log }: Parts): Promise<void> {
  try {
    const { regions, receiptLifeMs: giveUpAfterMs } = config;
    await consumeUsage(batch, { ledger, regions, receipts, giveUpAfterMs, log });
  } catch (thrown) {
    log.error("usage not written, tried again", { numEntries: batch.messages.length, errorDetail: String(thrown) });
    throw thrown;
  }
}
