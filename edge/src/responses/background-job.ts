import type { Admitted } from "#edge/auth/admission.ts";
import type { ServiceTier } from "#edge/auth/service-tier.ts";
import type { ResponseTurn } from "./response-turn.ts";

/** An admitted request that is to run apart from the one that brought it. It holds no credential. */
export interface BackgroundJob {
  readonly turn: ResponseTurn;
  readonly requestId: string;
  readonly clientRequestId: string | undefined;
  readonly admitted: Admitted;
  readonly serviceTier: ServiceTier;
  readonly body: Uint8Array<ArrayBuffer>;
  readonly url: string;
  /** Of the caller's headers, those that matter behind its admission. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where the caller is, as Cloudflare told it. */
  readonly place: Readonly<Record<string, string>>;
}
