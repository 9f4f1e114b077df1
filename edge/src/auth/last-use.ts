// When a key was last let in. Kept in memory and written when the key has been idle for a while, so that no request waits for
// it: after a crash of a gate under load it tells an earlier use.
import * as z from "zod/mini";
import { IdleTimer } from "#edge/idle-timer.ts";

const storedKey = "lastUse";

/** Shorter than the 10 s from which on the platform may evict an idle object. */
const idleAfterMs = 5_000;

export class LastUse {
  /** Absent: never. */
  #atMs: number | undefined;
  readonly #idleTimer: IdleTimer;

  constructor(kv: SyncKvStorage) {
    this.#atMs = z.optional(z.int()).parse(kv.get(storedKey));
    this.#idleTimer = new IdleTimer(idleAfterMs, () => kv.put(storedKey, this.#atMs));
  }

  get atMs(): number | undefined {
    return this.#atMs;
  }

  note(nowMs: number): void {
    this.#atMs = nowMs;
    this.#idleTimer.note(nowMs);
  }
}
