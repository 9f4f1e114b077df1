// `/v1/organization/projects/:projectId/rate_limits`: what all keys of a project may use of one model together. Each has a ledger of
// its own, below the project's. Source: OpenAI API reference, "Project rate limits".
import { AppError } from "@sluice/shared/errors.ts";
import { pageFields } from "@sluice/shared/openai/page-query.ts";
import type { Handler } from "hono";
import * as z from "zod/mini";
import { readJson } from "#edge/body/read-json.ts";
import type { Bounds } from "#edge/config.ts";
import type { EdgeContext } from "#edge/context.ts";
import { askLedger } from "#edge/rate-limit/ask-ledger.ts";
import { ledgerName } from "#edge/rate-limit/ledger-name.ts";
import type { LimitLedger } from "#edge/rate-limit/limit-ledger.ts";
import { type Limits, limitsSchema } from "#edge/rate-limit/limits.ts";
import type { Region } from "#edge/routing/region.ts";
import type { RegionView } from "#edge/routing/region-view.ts";
import type { AuditLog } from "./audit-log.ts";
import type { KeyDirectory } from "./key-directory.ts";
import { toListPage } from "./page.ts";
import { parseRequest } from "@sluice/shared/openai/parse-request.ts";
import { readQuery } from "./read-query.ts";

/** OpenAI's shape always has numbers. These stand for no limit, told and set. */
const noRequestLimit = 10_000_000;
const noTokenLimit = 10_000_000_000;

const idPrefix = "rl-";
const maxModelLength = 256;

/** A limit of one could not be divided among gates; see ceiling.ts. */
const requests = z.optional(z.int().check(z.gte(2), z.lte(noRequestLimit)));

const updateSchema = z.strictObject({
  max_requests_per_1_minute: requests,
  max_tokens_per_1_minute: z.optional(z.int().check(z.positive(), z.lte(noTokenLimit))),
  max_requests_per_1_day: requests,
});

const maxPage = 100;

const listSchema = z.strictObject({
  ...pageFields,
  limit: z._default(z.coerce.number().check(z.int(), z.gte(1), z.lte(maxPage)), maxPage),
});

export interface RateLimitParts {
  readonly ledgers: DurableObjectNamespace<LimitLedger>;
  readonly directory: KeyDirectory;
  readonly regions: readonly Region[];
  readonly view: RegionView;
  readonly audit: AuditLog;
  readonly bounds: Bounds;
}

type OneProject = "/:projectId";
type OneLimit = "/:projectId/:rateLimitId";

/** `GET`: of every model that a region has, or that has limits, by name. */
export function listRateLimits(parts: RateLimitParts): Handler<EdgeContext, OneProject> {
  return async (c) => {
    const projectId = c.req.param("projectId");
    await parts.directory.organizationOf(projectId);
    const page = parseRequest(listSchema, readQuery(c.req.url));
    const reports = await parts.view.readFresh((work) => c.executionCtx.waitUntil(work));
    const served = parts.regions.flatMap(({ id, models = [] }) => {
      const report = reports.get(id);
      return report?.kind === "answered" ? report.status.models : models;
    });
    const limited = await askLedger<readonly string[]>(parts, ledgerName("project", projectId), async (one) =>
      one.models(),
    );
    const names = [...new Set([...served, ...limited])].toSorted();
    const first = page.after === undefined ? 0 : names.findIndex((name) => idPrefix + name === page.after) + 1;
    const shown = names.slice(first, first + page.limit + 1);
    const rows = await Promise.all(
      shown.map(async (model) => toWire(model, limited.includes(model) ? await read(parts, projectId, model) : {})),
    );
    return c.json(toListPage(rows, page, (row) => row));
  };
}

/** `POST` to one: what is given replaces; what is not stays. */
export function updateRateLimit(parts: RateLimitParts): Handler<EdgeContext, OneLimit> {
  return async (c) => {
    const projectId = c.req.param("projectId");
    await parts.directory.organizationOf(projectId);
    const id = c.req.param("rateLimitId");
    const model = modelOf(id);
    const wire = parseRequest(updateSchema, (await readJson(c.req.raw, parts.bounds)).value);
    const old = await read(parts, projectId, model);
    const limits = change(old, wire);
    const event = { type: "rate_limit.updated", projectId, targetId: id } as const;
    await parts.audit.record(c.get("actor"), { ...event, before: toFields(old), after: toFields(limits) });
    await write(parts, projectId, model, limits);
    return c.json(toWire(model, limits));
  };
}

async function read(parts: RateLimitParts, projectId: string, model: string): Promise<Limits> {
  return askLedger<Limits>(parts, ledgerName("project", projectId, model), async (one) => one.limits());
}

/** Models without limits have no ledger that gates would ask. */
async function write(parts: RateLimitParts, projectId: string, model: string, limits: Limits): Promise<void> {
  const isLimited = Object.keys(limits).length > 0;
  const setLimits = async () =>
    askLedger<void>(parts, ledgerName("project", projectId, model), async (one) => one.setLimits(limits));
  const note = async () =>
    askLedger<boolean>(parts, ledgerName("project", projectId), async (one) => one.noteModel(model, isLimited));
  // What fails between the two leaves a ledger that is asked for nothing, and no limit that nobody hears of.
  if (!isLimited) await setLimits();
  if (!(await note())) {
    throw new AppError("invalid_value", { publicText: "Too many models of the project have limits. Lift some first." });
  }
  if (isLimited) await setLimits();
}

function modelOf(rateLimitId: string): string {
  const model = rateLimitId.startsWith(idPrefix) ? rateLimitId.slice(idPrefix.length) : "";
  if (model !== "" && model.length <= maxModelLength) return model;
  throw new AppError("not_found", { publicText: "There is no such rate limit." });
}

function change(old: Limits, wire: z.output<typeof updateSchema>): Limits {
  const limits = {
    requestsPerMinute: lifted(wire.max_requests_per_1_minute, noRequestLimit) ?? old.requestsPerMinute,
    tokensPerMinute: lifted(wire.max_tokens_per_1_minute, noTokenLimit) ?? old.tokensPerMinute,
    requestsPerDay: lifted(wire.max_requests_per_1_day, noRequestLimit) ?? old.requestsPerDay,
  };
  // Stored limits have no fields without a value.
  return limitsSchema.parse(Object.fromEntries(Object.entries(limits).filter(([, limit]) => Number.isFinite(limit))));
}

/** Infinity for the number that stands for none. */
function lifted(given: number | undefined, none: number): number | undefined {
  return given !== undefined && given >= none ? Infinity : given;
}

function toFields({ requestsPerMinute, tokensPerMinute, requestsPerDay }: Limits) {
  return {
    max_requests_per_1_minute: requestsPerMinute ?? noRequestLimit,
    max_tokens_per_1_minute: tokensPerMinute ?? noTokenLimit,
    ...(requestsPerDay !== undefined && { max_requests_per_1_day: requestsPerDay }),
  };
}

function toWire(model: string, limits: Limits) {
  return { object: "project.rate_limit", id: idPrefix + model, model, ...toFields(limits) };
}
