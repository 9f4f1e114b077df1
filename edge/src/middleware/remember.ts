// A request with an `Idempotency-Key` runs once: a retry with the same key and content is given the stored answer, or waits for
// the one that runs, and is not billed again. Source: draft-ietf-httpapi-idempotency-key-header-07.
import { AppError } from "@sluice/shared/errors.ts";
import type { Context, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import type { EdgeContext } from "#edge/context.ts";
import type { IdempotentRun, IdempotentRuns } from "#edge/idempotency/idempotent-runs.ts";
import type { StoredAnswer } from "#edge/idempotency/run.ts";
import type { Logger } from "#edge/logger.ts";
import { isEventStream } from "#edge/proxy/reply-headers.ts";

const keyPattern = /^[\x21-\x7e]{1,255}$/;

export interface RememberParts {
  readonly runs: IdempotentRuns;
  /** Who may ask may also have the answer again, and nobody else. */
  readonly enter: MiddlewareHandler<EdgeContext>;
  readonly log: Logger;
}

export function remember({ runs, enter, log }: RememberParts) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const idempotencyKey = c.req.header("idempotency-key");
    const body = c.get("body")?.bytes;
    if (idempotencyKey === undefined || body === undefined) return next();
    if (!keyPattern.test(idempotencyKey)) throw new AppError("invalid_value", { param: "Idempotency-Key" });

    const { keyId } = c.get("credential");
    const path = new URL(c.req.url).pathname;
    const run = await runs.open({ keyId, idempotencyKey, path, body, requestId: c.get("requestId") });
    const outcome = await run.claim();
    switch (outcome.kind) {
      case "conflict":
        throw new AppError("idempotency_conflict");
      case "answered":
        // Nothing is computed, so no limit counts it.
        c.set("demand", undefined);
        await enter(c, async () => {
          c.res = replay(outcome.answer);
        });
        return;
      case "first":
        c.set("isRemembered", true);
        await next();
        c.executionCtx.waitUntil(keepAnswer(c, run, log));
    }
  });
}

/** Never rejects. */
async function keepAnswer(c: Context<EdgeContext>, run: IdempotentRun, log: Logger): Promise<void> {
  const { status } = c.res;
  const headers = Object.fromEntries([...c.res.headers].filter(([name]) => !isOfOneReply(name)));
  const isStream = isEventStream(c.res.headers);
  try {
    const body = await c.get("remembered");
    if (body === undefined || !isFinal(status) || (isStream && !endsWell(body))) await run.abandon();
    else await run.answer({ status, headers, body });
  } catch (thrown) {
    // The run's lease ends by itself; a retry then runs anew.
    log.error("answer not kept", { requestId: c.get("requestId"), errorDetail: String(thrown) });
  }
}

function replay({ status, headers, body }: StoredAnswer): Response {
  return new Response(body, { status, headers: { ...headers, "idempotent-replayed": "true" } });
}

/** Whether the same request would be answered the same again: not by a limit, a full region or a failure. */
function isFinal(status: number): boolean {
  return status < 500 && status !== 429 && status !== 408;
}

/** A stream that broke off has no last event; a response that failed may be tried anew. */
function endsWell(body: Uint8Array): boolean {
  const text = new TextDecoder().decode(body);
  return text.endsWith("data: [DONE]\n\n") || /^event: response\.(completed|incomplete)$/m.test(text);
}

function isOfOneReply(name: string): boolean {
  return name === "x-request-id" || name.startsWith("x-ratelimit-") || name.startsWith("access-control-");
}
