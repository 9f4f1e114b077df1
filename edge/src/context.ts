// What the steps of the pipeline hand to each other, beside Hono's request and response.
import type { ResponseRequest } from "@sluice/shared/openai/response-request.ts";
import type { Actor } from "#edge/auth/actor.ts";
import type { Admitted } from "#edge/auth/admission.ts";
import type { Credential } from "#edge/auth/credential.ts";
import type { Principal } from "#edge/auth/principal.ts";
import type { ServiceTier } from "#edge/auth/service-tier.ts";
import type { InferenceBody } from "#edge/body/inference-body.ts";
import type { AttemptRecord } from "#edge/proxy/attempt.ts";
import type { AskedRegion } from "#edge/proxy/collect-receipts.ts";
import type { KeptAnswer } from "#edge/proxy/keep-events.ts";
import type { Ending } from "#edge/proxy/relay-events.ts";
import type { TokenDemand } from "#edge/rate-limit/estimate-demand.ts";
import type { LimitReport } from "#edge/rate-limit/limit-report.ts";
import type { ResponseTurn } from "#edge/responses/response-turn.ts";
import type { Usage } from "#edge/rate-limit/usage.ts";
import type { RankedRegion } from "#edge/routing/rank-regions.ts";

/**
 * Each variable is set by one step and may be read by those after it. The types say "present" where the order in app.ts
 * guarantees it.
 */
interface Variables {
  /** assignRequestId: ours, on every reply, in every log line and passport. */
  requestId: string;
  /** assignRequestId: the caller's own name for the request, absent when it sent none. */
  clientRequestId: string | undefined;
  /** requireAdmin: who administers. */
  actor: Actor;
  /** authenticate. */
  credential: Credential;
  /** readBody: absent on routes without a body, and again once a region has answered. */
  body: InferenceBody | undefined;
  /** readBody: the model the body asks for. */
  model: string | undefined;
  /** readBody: what it will ask of an engine. Absent on routes that compute nothing. */
  demand: TokenDemand | undefined;
  /** readBody: the tier the body asks for. */
  serviceTier: ServiceTier | undefined;
  /** readBody, of a request to `/v1/responses`. */
  responseRequest: ResponseRequest;
  /** converse: absent on other routes. */
  turn: ResponseTurn | undefined;
  /** runApart: whether another isolate runs the request, and settles it. */
  isHandedOver: boolean | undefined;
  /** remember: most bytes of the answer that are kept for retries, for which the region is read to its end whoever leaves. */
  remembersBytes: number | undefined;
  /** forward: the answer, if it is remembered. Never rejects. */
  remembered: Promise<KeptAnswer> | undefined;
  /** admit. */
  principal: Principal;
  /** admit. */
  admitted: Admitted;
  /** admit, forward: what is left, for the reply's headers. */
  report: LimitReport;
  /** chooseRegion: best first, never empty. */
  ranking: readonly RankedRegion[];
  /** forward: the regions that got the request. */
  asked: AskedRegion[] | undefined;
  /** settle: what the request used, once it has ended; never rejects. */
  usage: Promise<Usage> | undefined;
  /** forward: one entry per region asked, for the log. */
  attempts: readonly AttemptRecord[];
  /** forward: settles when a stream has ended, whichever way; never rejects. Absent when the answer is not a stream. */
  ending: Promise<Ending> | undefined;
}

/** The type argument of every Hono object at the edge. */
export interface EdgeContext {
  Variables: Variables;
}
