import { encodeTypedEvent } from "@sluice/shared/sse.ts";
import type { RelayAnswer } from "#edge/middleware/forward.ts";
import { relayPlainly } from "#edge/middleware/forward.ts";
import { keepEvents } from "#edge/proxy/keep-events.ts";
import { brokenStreamError, type Ending } from "#edge/proxy/relay-events.ts";
import { endedResponseSchema } from "#edge/responses/ended-response.ts";
import { EventTail } from "#edge/responses/event-tail.ts";
import type { ResponseKeeper } from "#edge/responses/response-keeper.ts";
import type { ResponseTurn } from "#edge/responses/response-turn.ts";

/**
 * Passes a response to its caller and keeps it. What ends it is passed on only when it is kept, so that whoever has seen the end
 * can go on from it.
 */
export function relayResponse(keeper: ResponseKeeper): RelayAnswer {
  return async (c, response, isStream) => {
    const turn = c.get("turn");
    const { body } = response;
    if (turn === undefined || body === null || response.status !== 200) return relayPlainly(c, response, isStream);
    if (!isStream) {
      const bytes = new Uint8Array(await response.arrayBuffer());
      await keeper.keep(turn, endedResponseSchema.parse(JSON.parse(new TextDecoder().decode(bytes))));
      if (c.get("isRemembered") === true) c.set("remembered", Promise.resolve(bytes));
      return { readable: new Blob([bytes]).stream(), ending: Promise.resolve("complete") };
    }
    const tail = new EventTail(keeper.maxLength);
    let isKept = false;
    const outlivesCaller = c.get("isRemembered") === true;
    const { kept, ...relay } = keepEvents(body, {
      outlivesCaller,
      lastWords: () => brokenResponse(tail.nextNumber),
      before: async (bytes) => {
        tail.push(bytes);
        const { final } = tail;
        if (final === undefined) return;
        isKept = true;
        await keeper.keep(turn, final);
      },
    });
    if (outlivesCaller) c.set("remembered", kept);
    const ending = relay.ending.then(async (how) => {
      if (!isKept) await keepBroken(keeper, turn, how);
      return how;
    });
    return { readable: relay.readable, ending };
  };
}

async function keepBroken(keeper: ResponseKeeper, turn: ResponseTurn, how: Ending): Promise<void> {
  if (how === "caller_gone") await keeper.keepCancelled(turn);
  else await keeper.keepFailed(turn, brokenStreamError().publicText);
}

/** The blank line first ends an event that was cut in its middle. */
function brokenResponse(sequence_number: number): Uint8Array {
  const { message, code, param } = brokenStreamError().toErrorObject();
  const event = { type: "error", code, message, param, sequence_number };
  return new TextEncoder().encode(`\n\n${encodeTypedEvent(event)}`);
}
