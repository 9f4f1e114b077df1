import { AppError } from "@sluice/shared/errors.ts";
import { type RelayAnswer, relayPlainly } from "#edge/middleware/forward.ts";
import { keepWhole } from "#edge/proxy/keep-events.ts";
import { brokenStreamError, type Ending } from "#edge/proxy/relay-events.ts";
import { endedResponseSchema } from "#edge/responses/ended-response.ts";
import type { ResponseKeeper } from "#edge/responses/response-keeper.ts";
import type { ResponseTurn } from "#edge/responses/response-turn.ts";
import { watchResponse } from "#edge/responses/watch-response.ts";

/**
 * Passes a response to its caller and keeps it. What ends it is passed on only when it is kept, so that whoever has seen the end
 * can go on from it.
 */
export function relayResponse(keeper: ResponseKeeper): RelayAnswer {
  return async (c, response, isStream) => {
    const turn = c.get("turn");
    const { body } = response;
    if (turn === undefined || body === null || response.status !== 200) return relayPlainly(c, response, isStream);
    const keepsBytes = c.get("remembersBytes");
    if (!isStream) {
      const bytes = await readWhole(response);
      await keeper.keep(turn, endedResponseSchema.parse(JSON.parse(new TextDecoder().decode(bytes))));
      if (keepsBytes !== undefined) c.set("remembered", Promise.resolve(keepWhole(bytes, keepsBytes)));
      return { readable: new Blob([bytes]).stream(), ending: Promise.resolve("complete") };
    }
    let isKept = false;
    const { kept, readable, ending } = watchResponse(body, {
      keepsBytes,
      maxLength: keeper.maxLength,
      onEnd: async (ended) => {
        isKept = true;
        await keeper.keep(turn, ended);
      },
    });
    if (keepsBytes !== undefined) c.set("remembered", kept);
    const keptAnyway = async (how: Ending): Promise<Ending> => {
      if (!isKept) await keepBroken(keeper, turn, how);
      return how;
    };
    return { readable, ending: ending.then(keptAnyway) };
  };
}

async function readWhole(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw new AppError("upstream_error", { cause, detail: "the region broke off" });
  }
}

async function keepBroken(keeper: ResponseKeeper, turn: ResponseTurn, how: Ending): Promise<void> {
  if (how === "caller_gone") await keeper.keepCancelled(turn);
  else await keeper.keepFailed(turn, brokenStreamError().publicText);
}
