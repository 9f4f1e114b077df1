// A request with an `Idempotency-Key` runs once: a retry with the same key and content is given the stored answer, or waits for
// the one that runs, and is not billed again. Source: draft-ietf-httpapi-idempotency-key-header-07.
import { AppError } from "@sluice/shared/errors.ts";
import type { Context, MiddlewareHandler, Next } from "hono";
import { createMiddleware } from "hono/factory";
import type { EdgeContext } from "#edge/context.ts";
import { idempotencyKeyOf, replayedHeaders } from "#edge/idempotency/idempotency-key.ts";
import type { IdempotentRun, IdempotentRuns } from "#edge/idempotency/idempotent-runs.ts";
import type { ClaimOutcome } from "#edge/idempotency/run.ts";
import type { Logger } from "#edge/logger.ts";
import { isEventStream } from "#edge/proxy/reply-headers.ts";

export interface RememberParts {
  readonly runs: IdempotentRuns;
  /** Who may ask may also have the answer again, and nobody else. */
  readonly enter: MiddlewareHandler<EdgeContext>;
  readonly log: Logger;
}

export function remember({ runs, enter, log }: RememberParts) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const idempotencyKey = idempotencyKeyOf(c.req.raw);
    const body = c.get("body");
    if (idempotencyKey === undefined || body === undefined) return next();

    const { keyId } = c.get("credential");
    const path = new URL(c.req.url).pathname;
    const bodyHash = await body.hash();
    const run = await runs.open({ keyId, idempotencyKey, path, bodyHash, requestId: c.get("requestId") });
    const outcome = await run.claim();
    if (outcome.kind === "first") {
      c.set("remembersBytes", runs.maxAnswerBytes);
      return runFirst(c, next, run, log);
    }
    // Nothing is computed, so no limit counts it.
    c.set("demand", undefined);
    await enter(c, async () => {
      c.res = replay(outcome);
    });
  });
}

/** The run is spoken for, from here until its answer is kept, in work that outlives the caller. */
async function runFirst(c: Context<EdgeContext>, next: Next, run: IdempotentRun, log: Logger): Promise<void> {
  const over = Promise.withResolvers<void>();
  c.executionCtx.waitUntil(run.renewUntil(over.promise));
  try {
    await next();
  } finally {
    c.executionCtx.waitUntil(keepAnswer(c, run, log).finally(over.resolve));
  }
}

/** Never rejects. */
async function keepAnswer(c: Context<EdgeContext>, run: IdempotentRun, log: Logger): Promise<void> {
  const { status } = c.res;
  const headers = Object.fromEntries([...c.res.headers].filter(([name]) => !isOfOneReply(name)));
  const isStream = isEventStream(c.res.headers);
  try {
    const kept = (await c.get("remembered")) ?? { kind: "broken" };
    if (kept.kind === "broken" || !isFinal(status)) await run.abandon();
    else if (kept.kind === "too_large") await run.dismiss();
    else if (isStream && !endsWell(kept.bytes)) await run.abandon();
    else if (isBound(c)) await (status < 400 ? run.dismiss() : run.abandon());
    else await run.answer({ status, headers, body: kept.bytes });
  } catch (thrown) {
    // The run's lease ends by itself; a retry then runs anew.
    log.error("answer not kept", { requestId: c.get("requestId"), errorDetail: String(thrown) });
  }
}

/** Where stores lie is the platform's choice, so the answer of a credential that is bound to jurisdictions is in none. */
function isBound(c: Context<EdgeContext>): boolean {
  return c.get("admitted").routing.jurisdictions !== undefined;
}

/** Throws when the answer cannot be had. */
function replay(outcome: Exclude<ClaimOutcome, { kind: "first" | "running" | "crowded" }>): Response {
  if (outcome.kind === "conflict") throw new AppError("idempotency_conflict");
  if (outcome.kind === "not_kept") throw new AppError("idempotency_answer_not_kept");
  const { status, headers, body } = outcome.answer;
  return new Response(body, { status, headers: { ...headers, ...replayedHeaders } });
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
