import type { Logger } from "#edge/logger.ts";
import type { EndedResponse } from "./ended-response.ts";
import type { ResponseStores } from "./response-stores.ts";
import { blankResponse, type ResponseTurn } from "./response-turn.ts";
import {
  failedResponse,
  type StoragePolicy,
  type StoredResponse,
  storedResponse,
  storedWithoutOutput,
} from "./stored-response.ts";

export interface ResponseKeeperParts {
  readonly stores: ResponseStores;
  readonly policy: StoragePolicy;
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
    return this.#parts.policy.maxLength;
  }

  /** A response that ended as its region said. */
  async keep(turn: ResponseTurn, response: EndedResponse): Promise<void> {
    await this.#store(turn, storedResponse(turn, response, this.#parts.policy));
  }

  /** A response whose caller left before its end. */
  async keepCancelled(turn: ResponseTurn): Promise<void> {
    await this.#store(turn, storedWithoutOutput(turn, blankResponse(turn, "cancelled"), this.#parts.policy));
  }

  /** A response whose end nobody knows. */
  async keepFailed(turn: ResponseTurn, message: string): Promise<void> {
    await this.#store(turn, storedWithoutOutput(turn, failedResponse(turn, message), this.#parts.policy));
  }

  async #store(turn: ResponseTurn, stored: StoredResponse): Promise<void> {
    if (!turn.isStored) return;
    const { responseId, owner } = turn;
    try {
      await this.#parts.stores.keep(owner, responseId, stored);
    } catch (thrown) {
      this.#parts.log.error("response not kept", { responseId, ...owner, errorDetail: String(thrown) });
    }
  }
}
