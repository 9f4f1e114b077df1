// The limits above keys: of a project, and of the organization. OpenAI sets them in its console; the words are those of a
// key's limits.
import { AppError } from "@sluice/shared/errors.ts";
import type { Handler } from "hono";
import * as z from "zod/mini";
import { readJson } from "#edge/body/read-json.ts";
import type { Bounds } from "#edge/config.ts";
import type { EdgeContext } from "#edge/context.ts";
import { answerWithin } from "#edge/deadline.ts";
import { ledgerName } from "#edge/rate-limit/ledger-name.ts";
import type { LimitLedger } from "#edge/rate-limit/limit-ledger.ts";
import { type Limits, limitsSchema } from "#edge/rate-limit/limits.ts";
import type { AuditLog } from "./audit-log.ts";
import type { KeyDirectory } from "./key-directory.ts";
import { organizationId } from "./organization.ts";
import { parseInput } from "./parse-input.ts";

const retryAfterMs = 1_000;

/** A limit of one could not be divided among gates without being exceeded by a fraction; see ceiling.ts. */
const atLeastTwo = z.optional(z.int().check(z.gte(2), z.lte(10_000_000)));

const ceilingSchema = z.strictObject({
  rpm: atLeastTwo,
  tpm: limitsSchema.shape.tokensPerMinute,
  rpd: atLeastTwo,
  concurrency: limitsSchema.shape.concurrentRequests,
  tokens_per_month: limitsSchema.shape.tokensPerMonth,
});

export interface CeilingParts {
  readonly ledgers: DurableObjectNamespace<LimitLedger>;
  readonly directory: KeyDirectory;
  readonly audit: AuditLog;
  readonly bounds: Bounds;
}

/** `POST /v1/organization/limits`: replaces all of them; a limit that is missing is lifted. */
export function setOrganizationLimits(parts: CeilingParts): Handler<EdgeContext> {
  const { audit, bounds } = parts;
  return async (c) => {
    const limits = parseInput(ceilingSchema, (await readJson(c.req.raw, bounds)).value);
    const event = { type: "rate_limit.updated", targetId: organizationId } as const;
    await audit.record(c.get("actor"), { ...event, after: limits });
    await setCeiling(ledgerName("organization", organizationId), toCeiling(limits), parts);
    return c.json({ object: "organization.limits", ...limits });
  };
}

/** `POST /v1/organization/projects/:projectId/limits`: as above, for a project. */
export function setProjectLimits(parts: CeilingParts): Handler<EdgeContext, "/:projectId"> {
  const { directory, audit, bounds } = parts;
  return async (c) => {
    const projectId = c.req.param("projectId");
    const limits = parseInput(ceilingSchema, (await readJson(c.req.raw, bounds)).value);
    if ((await directory.findOrganization(projectId)) === undefined) {
      throw new AppError("not_found", { publicText: "There is no such project." });
    }
    const event = { type: "rate_limit.updated", projectId, targetId: projectId } as const;
    await audit.record(c.get("actor"), { ...event, after: limits });
    await setCeiling(ledgerName("project", projectId), toCeiling(limits), parts);
    return c.json({ object: "organization.project.limits", id: projectId, ...limits });
  };
}

async function setCeiling(name: string, limits: Limits, { ledgers, bounds }: CeilingParts): Promise<void> {
  await answerWithin(bounds.admitTimeoutMs, ledgers.getByName(name).setLimits(limits), (cause) => {
    const publicText = "The limits cannot be reached at the moment.";
    return new AppError("unavailable", { publicText, cause, retryAfterMs, detail: `ledger ${name}: ${String(cause)}` });
  });
}

function toCeiling({ rpm, tpm, rpd, concurrency, tokens_per_month }: z.output<typeof ceilingSchema>): Limits {
  return {
    ...(rpm !== undefined && { requestsPerMinute: rpm }),
    ...(tpm !== undefined && { tokensPerMinute: tpm }),
    ...(rpd !== undefined && { requestsPerDay: rpd }),
    ...(concurrency !== undefined && { concurrentRequests: concurrency }),
    ...(tokens_per_month !== undefined && { tokensPerMonth: tokens_per_month }),
  };
}
