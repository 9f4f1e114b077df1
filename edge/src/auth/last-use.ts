// When a key was last let in. Kept in memory and written when the key has been idle for a while, so that no request waits for
// it: after a crash of a gate under load it tells an earlier use.
import * as z from "zod/mini";

const storedKey = "lastUse";

/** Shorter than the 10 s from which on the platform may evict an idle object. */
const idleAfterMs = 5_000;

export class LastUse {
  readonly #kv: SyncKvStorage;
  /** Absent: never. */
  #atMs: number | undefined;
  #isScheduled = false;

  constructor(kv: SyncKvStorage) {
    this.#kv = kv;
    this.#atMs = z.optional(z.int()).parse(kv.get(storedKey));
  }

  get atMs(): number | undefined {
    return this.#atMs;
  }

  note(nowMs: number): void {
    this.#atMs = nowMs;
    if (!this.#isScheduled) this.#writeAfter(idleAfterMs);
  }

  /** One timer at a time, however many requests there are. */
  #writeAfter(delayMs: number): void {
    this.#isScheduled = true;
    setTimeout(() => {
      this.#isScheduled = false;
      const atMs = this.#atMs ?? 0;
      const untilIdleMs = atMs + idleAfterMs - Date.now();
      if (untilIdleMs > 0) this.#writeAfter(untilIdleMs);
      else this.#kv.put(storedKey, atMs);
    }, delayMs);
  }
}
