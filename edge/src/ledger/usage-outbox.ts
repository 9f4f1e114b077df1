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

  /**
   * Never rejects. What the queue does not take is logged whole, so that an operator can enter it. At most 100 entries, 256 KB
   * together: as much as a queue takes at once.
   */
  async post(entries: readonly UsageEntry[]): Promise<void> {
    if (entries.length === 0) return;
    let cause: unknown;
    for (let tries = 0; tries < maxTries; tries += 1) {
      try {
        await this.#queue.sendBatch(entries.map((body) => ({ body })));
        return;
      } catch (thrown) {
        cause = thrown;
      }
    }
    for (const entry of entries) this.#log.error("usage entry not queued", { entry, errorDetail: String(cause) });
  }
}
