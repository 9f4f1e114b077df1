import type { ResponseObject } from "@sluice/shared/openai/response.ts";
import type { Logger } from "#edge/logger.ts";
import { outputAsItems } from "./conversation-items.ts";
import type { EndedResponse } from "./ended-response.ts";
import type { ResponseStores } from "./response-stores.ts";
import { blankResponse, type ResponseTurn } from "./response-turn.ts";

export interface ResponseKeeperParts {
  readonly stores: ResponseStores;
  /** How long a response can be had again. */
  readonly retentionMs: number;
  /** Most UTF-16 units of a response, and of its conversation, that are kept. */
  readonly maxLength: number;
  readonly log: Logger;
}

/**
 * Keeps what became of responses. Never rejects: an answer that cannot be kept is still an answer, so the log says so and the
 * caller finds nothing under its id.
 */
export class ResponseKeeper {
  readonly #parts: ResponseKeeperParts;

  constructor(parts: ResponseKeeperParts) {
    this.#parts = parts;
  }

  get maxLength(): number {
    return this.#parts.maxLength;
  }

  /** A response that ended as its region said. */
  async keep(turn: ResponseTurn, response: EndedResponse): Promise<void> {
    const { maxLength } = this.#parts;
    const text = JSON.stringify(response);
    const items = JSON.stringify([...turn.items, ...outputAsItems(response.output)]);
    if (text.length > maxLength || items.length > maxLength) return this.keepFailed(turn, "It is larger than is kept.");
    await this.#store(turn, response.status, text, items);
  }

  /** A response whose caller left before its end. */
  async keepCancelled(turn: ResponseTurn): Promise<void> {
    await this.#keepWithoutOutput(turn, blankResponse(turn, "cancelled"));
  }

  /** A response whose end nobody knows. */
  async keepFailed(turn: ResponseTurn, message: string): Promise<void> {
    const error = { code: "server_error", message } as const;
    await this.#keepWithoutOutput(turn, { ...blankResponse(turn, "failed"), error });
  }

  async #keepWithoutOutput(turn: ResponseTurn, response: ResponseObject): Promise<void> {
    await this.#store(turn, response.status, JSON.stringify(response), JSON.stringify(turn.items));
  }

  async #store(turn: ResponseTurn, status: string, response: string, items: string): Promise<void> {
    if (!turn.isStored) return;
    const { stores, retentionMs, log } = this.#parts;
    const { responseId, owner } = turn;
    const expiresAtMs = turn.createdAtMs + retentionMs;
    const numInputItems = turn.items.length;
    try {
      await stores.keep(owner, responseId, { status, response, items, numInputItems, expiresAtMs });
    } catch (thrown) {
      log.error("response not kept", { responseId, ...owner, errorDetail: String(thrown) });
    }
  }
}
