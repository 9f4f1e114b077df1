import type { Logger } from "#edge/logger.ts";
import type { UsageEntry } from "./usage-entry.ts";

const maxTries = 3;

/** Puts entries on their way to the ledger. */
export class UsageOutbox {
  readonly #queue: Queue<UsageEntry>;
  readonly #log: Logger;

  constructor(queue: Queue<UsageEntry>, log: Logger) {
    this.#queue = queue;
    this.#log = log;
  }

  /** Never rejects. An entry that the queue does not take is logged whole, so that it can be entered by hand. */
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
