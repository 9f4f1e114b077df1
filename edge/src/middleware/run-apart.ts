import { AppError } from "@sluice/shared/errors.ts";
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { EdgeContext } from "#edge/context.ts";
import { keepEvents, keepWhole } from "#edge/proxy/keep-events.ts";
import { forwardedHeaders } from "#edge/proxy/region-request.ts";
import type { ResponseTurn } from "#edge/responses/response-turn.ts";
import { type ResponseStores, unanswered } from "#edge/responses/response-stores.ts";

/** Of the caller's headers, those that a region may see, or that say where the caller is. */
const keptHeaders = [...forwardedHeaders, "cf-connecting-ip"] as const;
const keptPlace = ["latitude", "longitude", "continent"] as const;

/** A response in the background is handed over here, admitted; its caller may leave. Others go on. */
export function runApart(stores: ResponseStores) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const turn = c.get("turn");
    const body = c.get("body");
    if (turn?.request.background !== true || body === undefined) return next();
    const started = await stores.start({
      turn,
      requestId: c.get("requestId"),
      clientRequestId: c.get("clientRequestId"),
      admitted: c.get("admitted"),
      serviceTier: c.get("serviceTier") ?? "default",
      body: body.bytes,
      url: c.req.url,
      headers: textsOf(keptHeaders, (name) => c.req.header(name)),
      place: textsOf(keptPlace, (name) => c.req.raw.cf?.[name]),
    });
    // Of one that may run or not, whoever runs it settles; if nobody does, its reservation ends at its deadline.
    c.set("isHandedOver", true);
    c.set("usage", undefined);
    c.set("body", undefined);
    if (started.kind === "silent") throw unanswered();
    if (started.kind === "refused") return remembered(c, started.body, started.status, started.headers);
    if (turn.request.stream === true) return followed(c, stores, turn);
    return remembered(c, started.response, 200, { "content-type": "application/json" });
  });
}

async function followed(c: Context<EdgeContext>, stores: ResponseStores, turn: ResponseTurn): Promise<Response> {
  const events = await stores.follow(turn.owner, turn.responseId, -1);
  if (events === undefined) throw new AppError("internal_error", { detail: "the response is gone" });
  const headers = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };
  const keepsBytes = c.get("remembersBytes");
  if (keepsBytes === undefined) return new Response(events, { headers });
  const { readable, kept, ending } = keepEvents(events, { keepsBytes, lastWords: undefined });
  c.set("remembered", kept);
  c.executionCtx.waitUntil(ending);
  return new Response(readable, { headers });
}

function remembered(
  c: Context<EdgeContext>,
  text: string,
  status: number,
  headers: Readonly<Record<string, string>>,
): Response {
  const keepsBytes = c.get("remembersBytes");
  if (keepsBytes !== undefined)
    c.set("remembered", Promise.resolve(keepWhole(new Uint8Array(new TextEncoder().encode(text)), keepsBytes)));
  return new Response(text, { status, headers });
}

function textsOf<Name extends string>(names: readonly Name[], read: (name: Name) => unknown): Record<string, string> {
  const found = names.map((name) => [name, read(name)] as const);
  return Object.fromEntries(found.filter((entry): entry is readonly [Name, string] => typeof entry[1] === "string"));
}
