import { AppError } from "@sluice/shared/errors.ts";
import { createMiddleware } from "hono/factory";
import type { EdgeContext } from "#edge/context.ts";
import { callerCoordinates } from "#edge/routing/caller-coordinates.ts";
import { explainRanking } from "#edge/routing/explain-ranking.ts";
import { rankRegions } from "#edge/routing/rank-regions.ts";
import type { Region } from "#edge/routing/region.ts";
import type { RegionView } from "#edge/routing/region-view.ts";
import type { RegionExperience } from "#edge/routing/region-experience.ts";

/** Regions that said no a moment ago are polled every two seconds. */
const retryAfterMs = 2_000;

/** Ranks the regions for this request; refuses when none can serve it. */
export function chooseRegion(regions: readonly Region[], view: RegionView, experience: RegionExperience) {
  const { outliers, roundTrips, saturation } = experience;
  return createMiddleware<EdgeContext>(async (c, next) => {
    const { routing } = c.get("admitted");
    const ranking = rankRegions({
      regions,
      reports: await view.read((work) => c.executionCtx.waitUntil(work)),
      isEjected: (regionId) => outliers.isEjected(regionId),
      roundTripMs: (regionId, distanceKm) => roundTrips.expectedMs(regionId, distanceKm),
      saturationMs: (regionId) => saturation.delayMs(regionId),
      model: c.get("model") ?? c.req.param("model"),
      caller: callerCoordinates(c.req.raw),
      jurisdictions: routing.jurisdictions,
    });
    switch (ranking.kind) {
      case "ranked":
        c.set("ranking", ranking.regions);
        await next();
        if (routing.isExplained) c.res.headers.set("x-sluice-routing", explainRanking(ranking.regions));
        return;
      case "unknown_model":
        throw new AppError("model_not_found", { param: "model" });
      case "none_in_jurisdiction":
        throw new AppError("permission_denied", {
          publicText: "No region in the jurisdictions you are bound to serves this model.",
        });
      case "none_available":
        throw new AppError("unavailable", { retryAfterMs });
    }
  });
}
