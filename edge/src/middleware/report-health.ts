import type { Handler } from "hono";
import type { EdgeContext } from "#edge/context.ts";
import { healthOf } from "#edge/routing/region-report.ts";
import type { Region } from "#edge/routing/region.ts";
import type { RegionView } from "#edge/routing/region-view.ts";

/** `GET /health`: that the edge answers, and what it believes of its regions. */
export function reportHealth(regions: readonly Region[], view: RegionView): Handler<EdgeContext> {
  return async (c) => {
    const reports = await view.readFresh((work) => c.executionCtx.waitUntil(work));
    return c.json({
      status: "ok",
      regions: regions.map(({ id }) => ({ id, health: healthOf(reports.get(id)) })),
    });
  };
}
