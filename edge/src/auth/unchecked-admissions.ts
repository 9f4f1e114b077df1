// What happens while a gate does not answer. Closed, which is the default: nothing, the request is refused. Open: what the
// same gate admitted a moment ago is let in again without its limits, within a bound for all keys together, because an
// outage must not become a free lunch.
import type { Clock } from "#edge/clock.ts";
import { type Bucket, charge, fullBucket, type Rate, untilFitsMs } from "#edge/rate-limit/gcra.ts";
import type { Admission, AdmissionQuestion, Admitted } from "./admission.ts";
import type { Credential } from "./credential.ts";

/** What happens to requests while their gate does not answer. */
export interface FailPolicy {
  /** `closed`: they are refused. `open`: keys that this isolate admitted a moment ago are let in without limits, within a bound. */
  readonly mode: "closed" | "open";
  /** Most requests an isolate lets in unchecked in a minute. */
  readonly maxUncheckedPerMinute: number;
}

/** How long an admission vouches for the next one; a key revoked meanwhile is found out as soon as its gate answers. */
const vouchMs = 300_000;
/** Some 2 MB. */
const maxRemembered = 10_000;

interface Remembered {
  readonly admitted: Admitted;
  readonly untilMs: number;
}

export class UncheckedAdmissions {
  readonly #isOpen: boolean;
  readonly #rate: Rate;
  readonly #now: Clock;
  /** what was asked -> who asked, oldest first. */
  readonly #admitted = new Map<string, Remembered>();
  #bucket: Bucket = fullBucket;

  constructor({ mode, maxUncheckedPerMinute }: FailPolicy, now: Clock) {
    this.#isOpen = mode === "open";
    this.#rate = { limit: maxUncheckedPerMinute, windowMs: 60_000, burst: maxUncheckedPerMinute };
    this.#now = now;
  }

  /** A gate has answered. */
  note(keyId: string, question: AdmissionQuestion, admission: Admission): void {
    if (!this.#isOpen) return;
    const asked = nameOf(keyId, question);
    this.#admitted.delete(asked);
    if (admission.kind !== "admitted") return;
    this.#admitted.set(asked, { admitted: admission, untilMs: this.#now() + vouchMs });
    const [oldest] = this.#admitted.keys();
    if (this.#admitted.size > maxRemembered && oldest !== undefined) this.#admitted.delete(oldest);
  }

  /** A gate has not answered. Absent: nobody vouches for the request, or too many were let in already. */
  admit(keyId: string, question: AdmissionQuestion): Admitted | undefined {
    const nowMs = this.#now();
    const known = this.#admitted.get(nameOf(keyId, question));
    if (known === undefined || known.untilMs <= nowMs) return undefined;
    if (untilFitsMs(this.#rate, this.#bucket, 1, nowMs) !== 0) return undefined;
    this.#bucket = charge(this.#rate, this.#bucket, 1, nowMs);
    return { ...known.admitted, reservedTokens: undefined, isLeased: false, report: {} };
  }
}

function nameOf(keyId: string, { credential, scopes, ip, origin, model, serviceTier }: AdmissionQuestion): string {
  return JSON.stringify([keyId, proofOf(credential), scopes, ip, origin, model, serviceTier]);
}

/** What tells two credentials of one key apart. */
function proofOf(credential: Credential): unknown {
  switch (credential.kind) {
    case "secret":
      return credential.secretHash;
    case "ownToken":
      return [credential.secretMark, credential.scopes];
    default:
      return credential.scopes;
  }
}
