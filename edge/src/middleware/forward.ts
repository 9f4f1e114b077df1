import { type PassportKey, sha256Base64Url } from "@sluice/shared/passport.ts";
import type { Context, Handler } from "hono";
import type { Clock } from "#edge/clock.ts";
import type { Bounds } from "#edge/config.ts";
import type { EdgeContext } from "#edge/context.ts";
import { attempt, type AttemptRecord } from "#edge/proxy/attempt.ts";
import { failover } from "#edge/proxy/failover.ts";
import { regionHeaders, type RegionRequest } from "#edge/proxy/region-request.ts";
import { relayEvents } from "#edge/proxy/relay-events.ts";
import { isEventStream, replyHeaders } from "#edge/proxy/reply-headers.ts";
import type { Suspects } from "#edge/routing/suspects.ts";

export interface ForwardParts {
  readonly passportKey: PassportKey;
  readonly suspects: Suspects;
  readonly bounds: Bounds;
  readonly now: Clock;
}

/** The last step: asks the ranked regions and passes the answer through. */
export function forward({ passportKey, suspects, bounds, now }: ForwardParts): Handler<EdgeContext> {
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
    const { region, response } = await failover(
      c.get("ranking").slice(0, bounds.maxAttempts),
      async (candidate) => attempt(candidate, request, options),
      (entry) => {
        attempts.push(entry);
        if (entry.outcome === "unreachable") suspects.mark(entry.region);
      },
      now,
    );
    // Nothing can be resent from here on, and a stream may last for minutes.
    c.set("body", undefined);
    const init = { status: response.status, headers: replyHeaders(response.headers, region.id) };
    if (response.body === null || !isEventStream(response.headers)) return new Response(response.body, init);

    const { readable, ending } = relayEvents(response.body);
    c.executionCtx.waitUntil(ending);
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
