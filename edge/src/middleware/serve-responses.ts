// What is kept of responses, to those whose they are.
import { AppError } from "@sluice/shared/errors.ts";
import { inputItemsQuerySchema, retrieveResponseQuerySchema } from "@sluice/shared/openai/response-queries.ts";
import type { Context, Handler } from "hono";
import * as z from "zod/mini";
import { toListPage } from "#edge/admin/page.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { readQuery } from "#edge/admin/read-query.ts";
import type { EdgeContext } from "#edge/context.ts";
import type { StoredResponse } from "#edge/responses/stored-response.ts";
import type { ResponseStores } from "#edge/responses/response-stores.ts";

/** `GET /v1/responses/:id`. */
export function retrieveResponse(stores: ResponseStores): Handler<EdgeContext> {
  return async (c) => {
    const { stream, starting_after: after } = parseRequest(retrieveResponseQuerySchema, readQuery(c.req.url));
    const { response, isBackground } = await find(c, stores);
    if (stream !== true) return c.body(response, 200, { "content-type": "application/json" });
    if (!isBackground) {
      const publicText = "Only a response in the background can be streamed again.";
      throw new AppError("invalid_value", { param: "stream", publicText });
    }
    const events = await stores.follow(c.get("principal"), idIn(c), after);
    if (events === undefined) throw notFound();
    return c.body(events, 200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" });
  };
}

/** `DELETE /v1/responses/:id`. */
export function deleteResponse(stores: ResponseStores): Handler<EdgeContext> {
  return async (c) => {
    const id = idIn(c);
    if (!(await stores.delete(c.get("principal"), id))) throw notFound();
    return c.json({ id, object: "response", deleted: true });
  };
}

/** `POST /v1/responses/:id/cancel`. One that has ended is answered as it is. */
export function cancelResponse(stores: ResponseStores): Handler<EdgeContext> {
  return async (c) => {
    const cancellation = await stores.cancel(c.get("principal"), idIn(c));
    if (cancellation === undefined) throw notFound();
    if (cancellation.kind === "not_background") {
      const publicText = "Only a response in the background can be cancelled.";
      throw new AppError("invalid_value", { param: "id", publicText });
    }
    return c.body(cancellation.response, 200, { "content-type": "application/json" });
  };
}

/** `GET /v1/responses/:id/input_items`: the conversation that it answers, its own input last; newest first by default. */
export function listInputItems(stores: ResponseStores): Handler<EdgeContext> {
  return async (c) => {
    const { limit, after, order } = parseRequest(inputItemsQuerySchema, readQuery(c.req.url));
    const { items, numInputItems } = await find(c, stores);
    const input = itemsSchema.parse(JSON.parse(items)).slice(0, numInputItems);
    const ordered = order === "asc" ? input : input.toReversed();
    const from = after === undefined ? 0 : ordered.findIndex(({ id }) => id === after) + 1;
    if (after !== undefined && from === 0) {
      throw new AppError("invalid_value", { param: "after", publicText: "Invalid 'after': no item has this id." });
    }
    return c.json(toListPage(ordered.slice(from, from + limit + 1), { limit, after }, (item) => item));
  };
}

const itemsSchema = z.array(z.looseObject({ id: z.string() }));

async function find(c: Context<EdgeContext>, stores: ResponseStores): Promise<StoredResponse> {
  const stored = await stores.read(c.get("principal"), idIn(c));
  if (stored === undefined) throw notFound();
  return stored;
}

function idIn(c: Context<EdgeContext>): string {
  return c.req.param("id") ?? "";
}

function notFound(): AppError {
  return new AppError("not_found", { publicText: "There is no response of this id." });
}
