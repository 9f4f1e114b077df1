// Which regions to ask, and in which order: filter, then sort. The first is the choice, the rest is the failover plan.
//
// A region that drains, or serves other models, is left out: that will not change within a request's time. One that we
// could not reach, or that had no engine when it was last asked, only goes last: the trouble may be over by now, and when
// nothing better is left a try costs less than a refusal.
import { type Coordinates, greatCircleKm } from "./great-circle.ts";
import type { Region } from "./region.ts";
import { healthOf, type RegionReport, type RegionReports } from "./region-report.ts";

export interface RankingQuestion {
  readonly regions: readonly Region[];
  readonly reports: RegionReports;
  /** Whether this isolate failed to reach the region a moment ago. */
  readonly isSuspect: (regionId: string) => boolean;
  /** Absent: the request concerns no model in particular. */
  readonly model: string | undefined;
  /** Absent: regions keep the order of the configuration. */
  readonly caller: Coordinates | undefined;
}

export type Ranking =
  /** Best first, never empty. */
  | { readonly kind: "ranked"; readonly regions: readonly Region[] }
  /** Every region's models are known, and this is none of them. */
  | { readonly kind: "unknown_model" }
  /** The regions that serve the model are all draining. */
  | { readonly kind: "none_available" };

export function rankRegions({ regions, reports, isSuspect, model, caller }: RankingQuestion): Ranking {
  const serving = regions.filter((region) => mayServe(region, reports.get(region.id), model));
  if (serving.length === 0) return { kind: "unknown_model" };

  const open = serving.filter((region) => healthOf(reports.get(region.id)) !== "draining");
  if (open.length === 0) return { kind: "none_available" };

  const ranked = open
    .map((region) => ({
      region,
      doubt: doubtOf(region.id, reports, isSuspect),
      distanceKm: caller === undefined ? 0 : greatCircleKm(caller, region),
    }))
    // The sort is stable, so equals keep the order of the configuration.
    .toSorted((a, b) => a.doubt - b.doubt || a.distanceKm - b.distanceKm);
  return { kind: "ranked", regions: ranked.map(({ region }) => region) };
}

/** 0: nothing speaks against it. 1: we could not reach it. 2: it said itself that it has no engine. */
function doubtOf(regionId: string, reports: RegionReports, isSuspect: RankingQuestion["isSuspect"]): 0 | 1 | 2 {
  const health = healthOf(reports.get(regionId));
  if (health === "down") return 2;
  return isSuspect(regionId) || health === "unreachable" ? 1 : 0;
}

/** False only when the region's models are known. A region that is down may list none for want of an engine to ask. */
function mayServe(region: Region, report: RegionReport | undefined, model: string | undefined): boolean {
  if (model === undefined) return true;
  const said = report?.kind === "answered" && report.status.status !== "down" ? report.status.models : region.models;
  return said?.includes(model) ?? true;
}
