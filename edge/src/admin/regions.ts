// What runs where, for whoever runs the house. Ours.
import type { Handler } from "hono";
import type { EdgeContext } from "#edge/context.ts";
import { healthOf } from "#edge/routing/region-report.ts";
import type { Region } from "#edge/routing/region.ts";
import type { RegionView } from "#edge/routing/region-view.ts";
import { toSeconds } from "./page.ts";

export interface RegionAdminParts {
  readonly regions: readonly Region[];
  readonly view: RegionView;
}

/** `GET /v1/organization/regions`: the configured ones, with what each last said, at most a few seconds ago. */
export function listRegions({ regions, view }: RegionAdminParts): Handler<EdgeContext> {
  return async (c) => {
    const reports = await view.readFresh((work) => c.executionCtx.waitUntil(work));
    const data = regions.map((region) => {
      const report = reports.get(region.id);
      const status = report?.kind === "answered" ? report.status : undefined;
      return {
        object: "organization.region",
        id: region.id,
        health: healthOf(report),
        jurisdiction: region.jurisdiction,
        latitude: region.latitude,
        longitude: region.longitude,
        models: status?.models ?? region.models ?? [],
        num_running: status?.numRunning ?? null,
        num_waiting: status?.numWaiting ?? null,
        num_queued_tokens: status?.numQueuedTokens ?? null,
        queue_delay_ms: status?.queueDelayMs ?? null,
        checked_at: report === undefined ? null : toSeconds(report.checkedAtMs),
      };
    });
    return c.json({ object: "list", data, has_more: false });
  };
}

/** `GET /v1/organization/engines`: running and waiting sequences of each, over all regions that answer. */
export function listEngines({ regions, view }: RegionAdminParts): Handler<EdgeContext> {
  return async (c) => {
    const reports = await view.readFresh((work) => c.executionCtx.waitUntil(work));
    const data = regions.flatMap(({ id: regionId }) => {
      const report = reports.get(regionId);
      const engines = report?.kind === "answered" ? (report.status.engines ?? []) : [];
      return engines.map((engine) => ({
        object: "organization.engine",
        id: engine.id,
        region: regionId,
        status: engine.status,
        num_running: engine.numRunning,
        num_waiting: engine.numWaiting,
        num_queued_tokens: engine.numQueuedTokens,
        kv_cache_usage: engine.kvCacheUsage,
      }));
    });
    return c.json({ object: "list", data, has_more: false });
  };
}
