import { AppError } from "@sluice/shared/errors.ts";
import type { Logger } from "#edge/logger.ts";
import type { UsageEntry } from "./usage-entry.ts";

const maxTries = 3;
const retryAfterMs = 1_000;

/** Puts entries on their way to the ledger. */
export class UsageOutbox {
  readonly #queue: Queue<UsageEntry>;
  readonly #log: Logger;

  constructor(queue: Queue<UsageEntry>, log: Logger) {
    this.#queue = queue;
    this.#log = log;
  }

  /** Entries that an operator has. Throws `unavailable` when the queue does not take all; those that it took count once. */
  async enter(entries: readonly UsageEntry[]): Promise<void> {
    try {
      await Promise.all(entries.map(async (entry) => this.#queue.send(entry)));
    } catch (cause) {
      const detail = `usage entries not queued: ${String(cause)}`;
      throw new AppError("unavailable", { publicText: "The queue takes no entries.", detail, cause, retryAfterMs });
    }
  }

  /** Never rejects. An entry that the queue does not take is logged whole, so that an operator can enter it. */
  async post(entry: UsageEntry): Promise<void> {
    let cause: unknown;
    for (let tries = 0; tries < maxTries; tries += 1) {
      try {
        await this.#queue.send(entry);
        return;
      } catch (thrown) {
        cause = thrown;
      }
    }
    this.#log.error("usage entry not queued", { entry, errorDetail: String(cause) });
  }
}
