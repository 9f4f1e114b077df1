import type { ServerResponse } from "node:http";
import type { PassportClaims } from "@sluice/shared/passport.ts";
import type { CallLimits } from "./engines/engine-client.ts";
import type { GenerationProgress } from "./generation/generation.ts";

/** One admitted request and its answer. */
export interface Exchange {
  readonly response: ServerResponse;
  readonly requestId: string;
  /** When the request came in, in seconds since the Unix epoch. */
  readonly createdS: number;
  readonly claims: PassportClaims;
  /** Its signal is aborted with an AppError when the client leaves, time is up, or the ingress must go. */
  readonly limits: CallLimits;
  readonly progress: GenerationProgress;
  /** Milliseconds since the request came in. */
  elapsedMs(): number;
  /** The receipt of what was used until now, for the head of a whole answer; see shared/src/receipt.ts. */
  signReceipt(): Promise<string>;
}
