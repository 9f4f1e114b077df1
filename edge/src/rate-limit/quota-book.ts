// A quota and its storage, of whichever Durable Object keeps it. See quota.ts for what it promises, and meter.ts for how
// storage follows memory.
import { getLong, putLong } from "#edge/storage/long-value.ts";
import { Quota, type QuotaBounds, type QuotaLimits, type StoredQuota, storedQuotaSchema } from "./quota.ts";

const quotaKey = "quota";

export class QuotaBook {
  readonly #kv: SyncKvStorage;
  readonly #bounds: QuotaBounds;
  #quota: Quota;
  #isStored = false;

  constructor(kv: SyncKvStorage, limits: QuotaLimits, bounds: QuotaBounds) {
    this.#kv = kv;
    this.#bounds = bounds;
    this.#quota = this.#wake(limits);
  }

  get quota(): Quota {
    return this.#quota;
  }

  /** Replaces all limits. What was used stays used, and what is under way stays so. */
  setLimits(limits: QuotaLimits): void {
    this.storeExactly();
    this.#quota = this.#wake(limits);
  }

  /**
   * Sees to it that storage tells at least what was admitted. A caller hears of nothing before that is on disk. With `countsPlaces`
   * somebody above counts what is under way.
   */
  cover(nowMs: number, countsPlaces: boolean): void {
    if (!this.#quota.hasLimits && !countsPlaces) return;
    if (!this.#quota.isCovered(nowMs, countsPlaces)) this.#put(this.#quota.toStored(true, nowMs));
  }

  /** Takes back what was written ahead. */
  storeExactly(): void {
    if (this.#isStored || this.#quota.hasLimits) this.#put(this.#quota.toStored(false, Date.now()));
  }

  #put(stored: StoredQuota): void {
    putLong(this.#kv, quotaKey, stored);
    this.#isStored = true;
  }

  #wake(limits: QuotaLimits): Quota {
    const stored = getLong(this.#kv, quotaKey);
    const known = stored === undefined ? undefined : storedQuotaSchema.parse(stored);
    this.#isStored = known !== undefined;
    return new Quota(limits, known, this.#bounds, Date.now());
  }
}
