// Requests of one gate that nobody settled by their deadline, because the Worker died that was to: the gate gives up what they
// reserved, and sees to it that what they used gets into the ledger.
import { placeOf } from "#edge/auth/leased/place.ts";
import type { Bindings } from "#edge/bindings.ts";
import { type LostRequest, settleLost } from "#edge/ledger/lost-request.ts";
import { buildParts } from "#edge/parts.ts";
import type { Lease } from "#edge/rate-limit/leases.ts";
import type { Quota } from "#edge/rate-limit/quota.ts";
import { principalOf } from "./decide-admission.ts";
import type { KeyRecord } from "./key-record.ts";

export interface OrphanWatchParts {
  /** The gate's. */
  readonly state: DurableObjectState;
  readonly env: Bindings;
  /** Longest life of a reservation. */
  readonly leaseMs: number;
  /** Absent: there is no such key any more. */
  readonly record: () => KeyRecord | undefined;
}

export class OrphanWatch {
  readonly #parts: OrphanWatchParts;
  /** As far as this object knows: one that it set before it slept may come too. */
  #hasAlarm = false;

  constructor(parts: OrphanWatchParts) {
    this.#parts = parts;
  }

  /** Behind whatever the gate does. An alarm is a write, so there is one in a reservation's life, however many begin. */
  note(quota: Quota, nowMs: number): void {
    const { state } = this.#parts;
    if (!this.#hasAlarm && quota.numUnderWay(nowMs) > 0) state.waitUntil(this.#setAlarm(nowMs));
    const orphans = quota.takeOrphans();
    if (orphans.length > 0) state.waitUntil(this.#settle(orphans));
  }

  /** The gate's alarm. Returns when all that is overdue is on its way to the ledger; a rejection calls for another alarm. */
  async alarm(quota: Quota): Promise<void> {
    this.#hasAlarm = false;
    const nowMs = Date.now();
    if (quota.numUnderWay(nowMs) > 0) await this.#setAlarm(nowMs);
    await this.#settle(quota.takeOrphans());
  }

  async #setAlarm(nowMs: number): Promise<void> {
    this.#hasAlarm = true;
    await this.#parts.state.storage.setAlarm(nowMs + this.#parts.leaseMs);
  }

  async #settle(orphans: readonly Lease[]): Promise<void> {
    const record = this.#parts.record();
    if (record === undefined || orphans.length === 0) return;
    const lost = orphans.map((lease) => lostOf(lease, record));
    await settleLost(lost, await buildParts(this.#parts.env));
  }
}

function lostOf({ requestId, model, tokens: reservedTokens, chargedAtMs }: Lease, record: KeyRecord): LostRequest {
  const { jurisdictions } = record;
  return {
    requestId,
    principal: principalOf(record),
    place: placeOf({}),
    model,
    startedAtMs: chargedAtMs,
    reservedTokens,
    // It has given it up.
    isLeased: false,
    ...(jurisdictions !== undefined && { jurisdictions }),
  };
}
