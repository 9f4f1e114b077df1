// The end of the pipeline, for a request whose beginning another isolate has seen: account, route, answer.
import { Context } from "hono";
import { InferenceBody } from "#edge/body/inference-body.ts";
import type { EdgeContext } from "#edge/context.ts";
import { chooseRegion } from "#edge/middleware/choose-region.ts";
import { forward, type RelayAnswer } from "#edge/middleware/forward.ts";
import { settle } from "#edge/middleware/settle.ts";
import type { Parts } from "#edge/parts.ts";
import type { Usage } from "#edge/rate-limit/usage.ts";
import type { BackgroundJob } from "#edge/responses/background-job.ts";

export interface JobRun {
  /** Aborted when nobody wants the answer any more. */
  readonly signal: AbortSignal;
  readonly relay: RelayAnswer;
  readonly waitUntil: (work: Promise<unknown>) => void;
  /** Hears of the settlement when it has begun: it must be waited for. */
  readonly settling: (settled: Promise<Usage>) => void;
}

/** The region's answer. Throws an AppError where a caller would be told one; settles the request either way. */
export async function runJob(job: BackgroundJob, parts: Parts, run: JobRun): Promise<Response> {
  const { config, gates, regionView, experience, passportKey, retryBudget, now } = parts;
  const account = settle(parts);
  const route = chooseRegion(config.regions, regionView, experience);
  const answer = forward({ passportKey, gates, experience, retryBudget, bounds: config.bounds, now }, run.relay);
  const c = contextOf(job, run);
  await account(c, async () => {
    const settled = c.get("usage");
    if (settled !== undefined) run.settling(settled);
    await route(c, async () => {
      c.res = await answer(c, async () => undefined);
    });
  });
  return c.res;
}

function contextOf(job: BackgroundJob, { signal, waitUntil }: JobRun): Context<EdgeContext> {
  const request = new Request(job.url, { method: "POST", headers: job.headers, cf: job.place, signal });
  const executionCtx = { waitUntil, passThroughOnException: () => undefined, props: {} };
  const c = new Context<EdgeContext>(request, { env: {}, executionCtx });
  c.set("requestId", job.requestId);
  c.set("clientRequestId", job.clientRequestId);
  c.set("principal", job.admitted.principal);
  c.set("admitted", job.admitted);
  c.set("report", job.admitted.report);
  c.set("model", job.turn.request.model);
  c.set("serviceTier", job.serviceTier);
  c.set("turn", job.turn);
  c.set("body", new InferenceBody(job.body, true));
  return c;
}
