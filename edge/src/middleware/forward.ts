import { type PassportKey, sha256Base64Url } from "@sluice/shared/passport.ts";
import type { Context, Handler } from "hono";
import type { Clock } from "#edge/clock.ts";
import type { Bounds } from "#edge/config.ts";
import type { EdgeContext } from "#edge/context.ts";
import { attempt, type AttemptRecord } from "#edge/proxy/attempt.ts";
import { failover } from "#edge/proxy/failover.ts";
import { regionHeaders, type RegionRequest } from "#edge/proxy/region-request.ts";
import { type Ending, relayEvents } from "#edge/proxy/relay-events.ts";
import type { RetryBudget } from "#edge/proxy/retry-budget.ts";
import { isEventStream, replyHeaders } from "#edge/proxy/reply-headers.ts";
import type { RegionExperience } from "#edge/routing/region-experience.ts";

export interface ForwardParts {
  readonly passportKey: PassportKey;
  readonly experience: RegionExperience;
  readonly retryBudget: RetryBudget;
  readonly bounds: Bounds;
  readonly now: Clock;
}

/** The last step: asks the ranked regions and passes the answer through. */
export function forward({ passportKey, experience, retryBudget, bounds, now }: ForwardParts): Handler<EdgeContext> {
  return async (c) => {
    const request = await regionRequest(c);
    const options = {
      passportKey,
      now,
      startTimeoutMs: c.get("body")?.stream === true ? bounds.streamStartTimeoutMs : bounds.answerTimeoutMs,
      answerTimeoutMs: bounds.answerTimeoutMs,
      callerGone: c.req.raw.signal,
    };
    const attempts: AttemptRecord[] = [];
    c.set("attempts", attempts);
    const plan = c.get("ranking").slice(0, bounds.maxAttempts);
    retryBudget.deposit();
    const { region, response } = await failover(
      plan.map((ranked) => ranked.region),
      {
        ask: async (candidate) => {
          experience.outliers.asked(candidate.id);
          return attempt(candidate, request, options);
        },
        record: (entry) => {
          attempts.push(entry);
          experience.learn(entry, plan[attempts.length - 1]?.distanceKm ?? 0);
        },
        mayRetry: () => retryBudget.withdraw(),
        now,
      },
    );
    // Nothing can be resent from here on, and a stream may last for minutes.
    c.set("body", undefined);
    const init = { status: response.status, headers: replyHeaders(response.headers, region.id) };
    if (response.body === null || !isEventStream(response.headers)) return new Response(response.body, init);

    const { readable, ending } = relayEvents(response.body);
    const died = (how: Ending) => {
      if (how === "upstream_died") experience.outliers.failed(region.id, "unreachable");
    };
    c.executionCtx.waitUntil(ending.then(died));
    c.set("ending", ending);
    return new Response(readable, init);
  };
}

async function regionRequest(c: Context<EdgeContext>): Promise<RegionRequest> {
  const { orgId, keyId } = c.get("principal");
  const body = c.get("body")?.bytes;
  const ip = c.req.header("cf-connecting-ip");
  return {
    method: c.req.method,
    // Not `c.req.path`, which is decoded.
    path: new URL(c.req.url).pathname,
    headers: regionHeaders(c.req.raw.headers, c.get("requestId"), c.get("clientRequestId")),
    body,
    claims: {
      rid: c.get("requestId"),
      org: orgId,
      key: keyId,
      priority: 0,
      ...(ip !== undefined && { ip }),
      ...(body !== undefined && { bodySha256: await sha256Base64Url(body) }),
    },
  };
}
