// The limits above keys: of a project, and of the organization. OpenAI sets them in its console; the words are those of a
// key's limits. `/v1/organization/limits` and `/v1/organization/projects/:projectId/limits`.
import type { Context, Handler } from "hono";
import * as z from "zod/mini";
import { readJson } from "#edge/body/read-json.ts";
import type { Bounds } from "#edge/config.ts";
import type { EdgeContext } from "#edge/context.ts";
import { askLedger } from "#edge/rate-limit/ask-ledger.ts";
import { ledgerName } from "#edge/rate-limit/ledger-name.ts";
import type { LimitLedger } from "#edge/rate-limit/limit-ledger.ts";
import { type Limits, limitsSchema } from "#edge/rate-limit/limits.ts";
import type { AuditLog } from "./audit-log.ts";
import type { KeyDirectory } from "./key-directory.ts";
import { organizationId } from "./organization.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";

/** A limit of one could not be divided among gates without being exceeded by a fraction; see ceiling.ts. */
const atLeastTwo = z.nullish(z.int().check(z.gte(2), z.lte(10_000_000)));

const ceilingSchema = z.strictObject({
  rpm: atLeastTwo,
  tpm: z.nullable(limitsSchema.shape.tokensPerMinute),
  rpd: atLeastTwo,
  concurrency: z.nullable(limitsSchema.shape.concurrentRequests),
  tokens_per_month: z.nullable(limitsSchema.shape.tokensPerMonth),
});

export interface CeilingParts {
  readonly ledgers: DurableObjectNamespace<LimitLedger>;
  readonly directory: KeyDirectory;
  readonly audit: AuditLog;
  readonly bounds: Bounds;
}

type OneProject = "/:projectId";

/** Whose keys a ceiling is above. */
interface CeilingOwner {
  readonly level: "organization" | "project";
  readonly id: string;
}

const organization: CeilingOwner = { level: "organization", id: organizationId };

export function readOrganizationLimits(parts: CeilingParts): Handler<EdgeContext> {
  return async (c) => c.json(toWire(organization, await readCeiling(organization, parts)));
}

/** `POST`: replaces all of them; a limit that is missing or `null` is lifted. */
export function setOrganizationLimits(parts: CeilingParts): Handler<EdgeContext> {
  return async (c) => setLimits(c, organization, parts);
}

export function readProjectLimits(parts: CeilingParts): Handler<EdgeContext, OneProject> {
  return async (c) => {
    const owner = await existing(parts.directory, c.req.param("projectId"));
    return c.json(toWire(owner, await readCeiling(owner, parts)));
  };
}

/** `POST`: as above, for a project. */
export function setProjectLimits(parts: CeilingParts): Handler<EdgeContext, OneProject> {
  return async (c) => setLimits(c, await existing(parts.directory, c.req.param("projectId")), parts);
}

async function setLimits(c: Context<EdgeContext>, owner: CeilingOwner, parts: CeilingParts): Promise<Response> {
  const limits = toCeiling(parseRequest(ceilingSchema, (await readJson(c.req.raw, parts.bounds)).value));
  const [before, after] = [ceilingToWire(await readCeiling(owner, parts)), ceilingToWire(limits)];
  const event = { type: "rate_limit.updated", targetId: owner.id, before, after } as const;
  await parts.audit.record(c.get("actor"), { ...event, ...(owner.level === "project" && { projectId: owner.id }) });
  await ask(owner, parts, async (ledger) => ledger.setLimits(limits));
  return c.json(toWire(owner, limits));
}

async function readCeiling(owner: CeilingOwner, parts: CeilingParts): Promise<Limits> {
  return ask<Limits>(owner, parts, async (ledger) => ledger.limits());
}

async function ask<Answer>(
  { level, id }: CeilingOwner,
  parts: CeilingParts,
  call: (ledger: DurableObjectStub<LimitLedger>) => Promise<Answer>,
): Promise<Answer> {
  return askLedger(parts, ledgerName(level, id), call);
}

async function existing(directory: KeyDirectory, id: string): Promise<CeilingOwner> {
  await directory.organizationOf(id);
  return { level: "project", id };
}

function toCeiling(wire: z.output<typeof ceilingSchema>): Limits {
  const limits = {
    requestsPerMinute: wire.rpm,
    tokensPerMinute: wire.tpm,
    requestsPerDay: wire.rpd,
    concurrentRequests: wire.concurrency,
    tokensPerMonth: wire.tokens_per_month,
  };
  // Stored limits have no fields without a value.
  return limitsSchema.parse(
    Object.fromEntries(Object.entries(limits).filter(([, limit]) => typeof limit === "number")),
  );
}

function ceilingToWire(limits: Limits) {
  return {
    rpm: limits.requestsPerMinute ?? null,
    tpm: limits.tokensPerMinute ?? null,
    rpd: limits.requestsPerDay ?? null,
    concurrency: limits.concurrentRequests ?? null,
    tokens_per_month: limits.tokensPerMonth ?? null,
  };
}

function toWire({ level, id }: CeilingOwner, limits: Limits) {
  const object = level === "project" ? "organization.project.limits" : "organization.limits";
  return { object, id, ...ceilingToWire(limits) };
}
