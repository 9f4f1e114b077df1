// Removes files whose time is over, and what uploads and deletions that died left behind. A Durable Object, of which there is one:
// its alarm rings wherever the Worker runs, also on one machine, where cron triggers do not.
import { DurableObject } from "cloudflare:workers";
import { Database } from "#edge/admin/database.ts";
import type { Bindings } from "#edge/bindings.ts";
import { loadConfig } from "#edge/config.ts";
import { jsonLogger } from "#edge/logger.ts";
import { FileDirectory, type Remains } from "./file-directory.ts";
import { ObjectStore } from "./object-store.ts";
import { FileStore } from "./file-store.ts";

/** Of one sweep, whose requests the platform bounds. */
const maxFilesAtOnce = 100;
/** At least between two sweeps, so that files that cannot be removed do not keep it busy. */
const restMs = 60_000;

export class FileSweeper extends DurableObject<Bindings> {
  readonly #files: FileStore;

  constructor(state: DurableObjectState, env: Bindings) {
    super(state, env);
    const { bounds, fileBounds } = loadConfig(env);
    const directory = new FileDirectory(new Database(env.DB, bounds.databaseTimeoutMs));
    this.#files = new FileStore(new ObjectStore(env.FILES, fileBounds.storageTimeoutMs), directory, Date.now);
  }

  /** Sweeps at `dueAtMs` or before. */
  async wakeBy(dueAtMs: number): Promise<void> {
    const alarmMs = await this.ctx.storage.getAlarm();
    if (alarmMs === null || alarmMs > dueAtMs) await this.ctx.storage.setAlarm(dueAtMs);
  }

  /** Removes what is due by now. Returns how many files that were. */
  async sweep(): Promise<number> {
    const due = await this.#files.directory.due(Date.now(), maxFilesAtOnce);
    const removed = await Promise.all(due.map(async (remains) => this.#remove(remains)));
    return removed.filter(Boolean).length;
  }

  override async alarm(): Promise<void> {
    // Set before anything can fail: the platform gives up an alarm that failed a few times.
    await this.ctx.storage.setAlarm(Date.now() + restMs);
    const numRemoved = await this.sweep();
    if (numRemoved > 0) jsonLogger.info("files swept", { numRemoved });
    const nextMs = await this.#files.directory.nextDueMs();
    if (nextMs === undefined) await this.ctx.storage.deleteAlarm();
    else await this.ctx.storage.setAlarm(Math.max(nextMs, Date.now() + restMs));
  }

  /** False when it did not work; the next sweep tries again. */
  async #remove(remains: Remains): Promise<boolean> {
    try {
      await this.#files.remove(remains);
      return true;
    } catch (thrown) {
      jsonLogger.error("file not removed", { fileId: remains.id, errorDetail: String(thrown) });
      return false;
    }
  }
}
