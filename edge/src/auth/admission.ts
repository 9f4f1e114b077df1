// The one question a request asks its gate, and the answer.
import type { TokenDemand } from "#edge/rate-limit/estimate-demand.ts";
import type { LimitReport } from "#edge/rate-limit/limit-report.ts";
import type { Refusal, Verdict } from "#edge/rate-limit/quota.ts";
import type { IdentityQuestion, RefusalReason } from "./decide-admission.ts";
import type { Principal } from "./principal.ts";
import type { RoutingTerms } from "./routing-terms.ts";

/** As a gate is asked. */
export interface GateQuestion extends IdentityQuestion {
  readonly requestId: string;
  /** Absent for a request that computes nothing, which no limit counts. */
  readonly demand: TokenDemand | undefined;
}

/** As the pipeline asks; which owners the address is barred from is added on the way to the gate. */
export type AdmissionQuestion = Omit<GateQuestion, "barredFrom">;

export interface Admitted {
  readonly kind: "admitted";
  readonly principal: Principal;
  /** When the credential expires. Absent: never, or not known here. */
  readonly expiresAtMs: number | undefined;
  readonly routing: RoutingTerms;
  /** Most tokens the request may use. Absent: as many as it likes. */
  readonly reservedTokens: number | undefined;
  /** Whether the gate waits to hear how the request ended. */
  readonly isLeased: boolean;
  readonly report: LimitReport;
}

interface Refused {
  readonly kind: "refused";
  readonly reason: RefusalReason;
}

export type Admission =
  | Admitted
  | Refused
  | { readonly kind: "limited"; readonly principal: Principal; readonly refusal: Refusal };

/** Whether an admitted request may use more than was reserved for it. */
export type Raise = Verdict | Refused;
