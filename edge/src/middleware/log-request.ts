import { AppError } from "@sluice/shared/errors.ts";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { Usage } from "#edge/rate-limit/usage.ts";
import type { Logger } from "#edge/logger.ts";

/** One line per request, written when its answer has ended: for a stream, with how it ended. */
export function logRequest(log: Logger, now: Clock) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const startedAtMs = now();
    await next();
    const firstByteMs = now() - startedAtMs;
    const write = (ending?: string, usage?: Usage) => {
      const durationMs = now() - startedAtMs;
      const fields = { ...describe(c), firstByteMs, durationMs, ending, usage: usage && usageFields(usage) };
      if (c.res.status >= 500) log.error("request", fields);
      else log.info("request", fields);
    };
    const usage = c.get("usage");
    if (usage === undefined) write();
    else c.executionCtx.waitUntil(usage.then(async (counted) => write(await c.get("ending"), counted)));
  });
}

function usageFields({ receipts, totalTokens }: Usage) {
  return {
    totalTokens,
    receipts: receipts.map(({ region, engine, promptTokens, cachedTokens, completionTokens, finishReason }) => {
      return { region, engine, promptTokens, cachedTokens, completionTokens, finishReason };
    }),
  };
}

function describe(c: Context<EdgeContext>) {
  const error = c.error === undefined ? undefined : AppError.from(c.error);
  return {
    requestId: c.get("requestId"),
    clientRequestId: c.get("clientRequestId"),
    method: c.req.method,
    path: c.req.path,
    status: c.res.status,
    ...c.get("principal"),
    model: c.get("model"),
    attempts: c.get("attempts"),
    errorCode: error?.code,
    errorDetail: error?.message,
    errorCause: error?.cause instanceof Error ? error.cause.message : undefined,
  };
}
