import { AppError } from "@sluice/shared/errors.ts";
import type { InputItem } from "@sluice/shared/openai/response-input.ts";
import { createMiddleware } from "hono/factory";
import type { Principal } from "#edge/auth/principal.ts";
import { InferenceBody } from "#edge/body/inference-body.ts";
import type { Clock } from "#edge/clock.ts";
import type { EdgeContext } from "#edge/context.ts";
import { conversationOf } from "#edge/responses/conversation-items.ts";
import { resolveReferences } from "#edge/responses/resolve-references.ts";
import { responseIdOf, statePlace } from "#edge/responses/response-id.ts";
import { itemsSchema } from "#edge/responses/stored-response.ts";
import type { ResponseStores } from "#edge/responses/response-stores.ts";

export interface ConverseParts {
  readonly stores: ResponseStores;
  /** Of a request with the conversation that it goes on from. */
  readonly maxBodyBytes: number;
  readonly now: Clock;
}

/**
 * Names the response that the request makes, and puts the conversation it goes on from in front of its input: regions keep
 * nothing, and are given all of it.
 */
export function converse({ stores, maxBodyBytes, now }: ConverseParts) {
  return createMiddleware<EdgeContext>(async (c, next) => {
    const request = c.get("responseRequest");
    const { principal: owner, routing } = c.get("admitted");
    const place = statePlace(routing, stores.jurisdictions);
    if (place.kind === "nowhere" && (request.store === true || request.background === true)) {
      const publicText = "Responses cannot be stored in the jurisdictions you are bound to. Ask with 'store': false.";
      throw new AppError("invalid_value", { param: "store", publicText });
    }
    const isStored = place.kind !== "nowhere" && request.store !== false;
    const responseId = responseIdOf(c.get("requestId"), place);
    const { previous_response_id: previousId } = request;
    const before = typeof previousId === "string" ? await conversationBefore(stores, owner, previousId) : [];
    const said = await resolveReferences(request.input, async (id) => stores.read(owner, id));
    const items = conversationOf(before, said.items, responseId);
    c.set("turn", { responseId, owner, request: { ...request, store: isStored }, items, isStored, createdAtMs: now() });
    // What runs in the background is followed by its events, whatever its caller asked for.
    const stream = request.stream === true || request.background === true;
    if (
      before.length > 0 ||
      said.hasReferences ||
      isStored !== (request.store ?? true) ||
      stream !== (request.stream ?? false)
    ) {
      const json = JSON.stringify({ ...request, store: isStored, stream, input: items });
      const bytes = new Uint8Array(new TextEncoder().encode(json));
      if (bytes.byteLength > maxBodyBytes) throw conversationTooLarge();
      c.set("body", new InferenceBody(bytes, stream));
    }
    await next();
  });
}

async function conversationBefore(
  stores: ResponseStores,
  owner: Principal,
  responseId: string,
): Promise<readonly InputItem[]> {
  const stored = await stores.read(owner, responseId);
  const param = "previous_response_id";
  if (stored === undefined) {
    throw new AppError("previous_response_not_found", { param });
  }
  if (stored.status !== "completed" && stored.status !== "incomplete") {
    const publicText = `Invalid '${param}': that response is ${stored.status}, and has no output to go on from.`;
    throw new AppError("invalid_value", { param, publicText });
  }
  return itemsSchema.parse(JSON.parse(stored.items));
}

function conversationTooLarge(): AppError {
  const publicText = "The conversation that 'previous_response_id' names has become too large to go on from.";
  return new AppError("request_too_large", { param: "previous_response_id", publicText });
}
