// Denials by an address list are audited, but a flood of them must not flood D1: of each key the first in a minute, with how
// many it left out before, and of all keys together a bounded number.
import type { Clock } from "#edge/clock.ts";
import type { Logger } from "#edge/logger.ts";
import type { AuditLog } from "./audit-log.ts";
import type { KeyDirectory } from "./key-directory.ts";

const windowMs = 60_000;
/** Of all keys together, in a window of an isolate. */
const maxEntries = 60;
/** Some 1 MB. */
const maxKeys = 10_000;

interface Denials {
  /** When the last entry was written. */
  auditedAtMs: number;
  /** Since that entry. */
  numUnaudited: number;
}

export interface DenialAuditParts {
  readonly audit: AuditLog;
  readonly directory: KeyDirectory;
  readonly log: Logger;
  readonly now: Clock;
}

export class DenialAudit {
  readonly #parts: DenialAuditParts;
  // keyId -> its denials, the key that was audited longest ago first
  readonly #denials = new Map<string, Denials>();
  #windowStartMs = -Infinity;
  #numInWindow = 0;

  constructor(parts: DenialAuditParts) {
    this.#parts = parts;
  }

  /** The writing of an entry, which never rejects; absent when this denial is only counted. */
  note(keyId: string, ip: string | undefined): Promise<void> | undefined {
    const nowMs = this.#parts.now();
    const denials = this.#denials.get(keyId);
    if ((denials !== undefined && nowMs - denials.auditedAtMs < windowMs) || !this.#takePlace(nowMs)) {
      if (denials !== undefined) denials.numUnaudited += 1;
      return undefined;
    }
    this.#denials.delete(keyId);
    this.#denials.set(keyId, { auditedAtMs: nowMs, numUnaudited: 0 });
    const [oldest] = this.#denials.keys();
    if (this.#denials.size > maxKeys && oldest !== undefined) this.#denials.delete(oldest);
    return this.#write(keyId, ip, denials?.numUnaudited ?? 0);
  }

  #takePlace(nowMs: number): boolean {
    if (nowMs - this.#windowStartMs >= windowMs) {
      this.#windowStartMs = nowMs;
      this.#numInWindow = 0;
    }
    this.#numInWindow += 1;
    return this.#numInWindow <= maxEntries;
  }

  async #write(keyId: string, ip: string | undefined, numUnaudited: number): Promise<void> {
    const { audit, directory, log } = this.#parts;
    try {
      const projectId = await directory.findProject(keyId);
      const event = { type: "ip_allowlist.denied", targetId: keyId, after: { num_unaudited: numUnaudited } } as const;
      await audit.record({ id: keyId, ip }, { ...event, ...(projectId !== undefined && { projectId }) });
    } catch (thrown) {
      log.error("denial not audited", { keyId, errorDetail: String(thrown) });
    }
  }
}
