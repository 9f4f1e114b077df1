// Which regions to ask, and in which order: filter, then score, then sort. The first is the choice, the rest is the failover
// plan.
//
// A region outside the caller's jurisdictions is never in it. One that drains, or serves other models, is left out: that will
// not change within a request's time. One that we could not reach, or that had no engine when it was last asked, only goes
// last: the trouble may be over by now, and when nothing better is left a try costs less than a refusal.
//
// The score is the time until the region could begin: the way there and back, and the work that waits there. So a request
// spills over to a farther region as soon as the nearer one's queue takes longer than the way.
import { type Coordinates, greatCircleKm } from "./great-circle.ts";
import type { Region } from "./region.ts";
import { healthOf, type RegionReport, type RegionReports } from "./region-report.ts";

/**
 * Scores that differ by less are equal, and keep the order of the configuration: a conversation that changed its region with
 * every wobble of a measurement would find no cached prefix anywhere.
 */
const nearEqualMs = 10;

export interface RankingQuestion {
  readonly regions: readonly Region[];
  readonly reports: RegionReports;
  /** Whether this isolate had trouble with the region a moment ago. */
  readonly isEjected: (regionId: string) => boolean;
  /** How long the region told this isolate that it is full, in ms from now. */
  readonly saturationMs: (regionId: string) => number;
  /** What a round trip over `distanceKm` to the region takes, in ms. */
  readonly roundTripMs: (regionId: string, distanceKm: number) => number;
  /** Absent: the request concerns no model in particular. */
  readonly model: string | undefined;
  /** Absent: all regions are equally far. */
  readonly caller: Coordinates | undefined;
  /** Jurisdictions the request may be computed in. Absent: any. */
  readonly jurisdictions: readonly string[] | undefined;
}

/** What is known against a region, in the order in which regions are asked. */
type Doubt = "none" | "unreachable" | "down";

/** One region's place in a ranking, with what put it there. */
export interface RankedRegion {
  readonly region: Region;
  readonly doubt: Doubt;
  /** 0 when the caller's place is unknown. */
  readonly distanceKm: number;
  readonly roundTripMs: number;
  /** As the region itself expects it; 0 when nothing is known. */
  readonly queueDelayMs: number;
}

export type Ranking =
  /** Best first, never empty. */
  | { readonly kind: "ranked"; readonly regions: readonly RankedRegion[] }
  /** Every region's models are known, and this is none of them. */
  | { readonly kind: "unknown_model" }
  /** Regions serve the model, none of them where the request may go. */
  | { readonly kind: "none_in_jurisdiction" }
  /** The regions that serve the model are all draining. */
  | { readonly kind: "none_available" };

export function rankRegions(question: RankingQuestion): Ranking {
  const { regions, reports, model, jurisdictions } = question;
  const serving = regions.filter((region) => mayServe(region, reports.get(region.id), model));
  if (serving.length === 0) return { kind: "unknown_model" };

  const allowed = serving.filter(({ jurisdiction }) => jurisdictions?.includes(jurisdiction) ?? true);
  if (allowed.length === 0) return { kind: "none_in_jurisdiction" };

  const open = allowed.filter((region) => healthOf(reports.get(region.id)) !== "draining");
  if (open.length === 0) return { kind: "none_available" };

  const scored = open.map((region) => scoreRegion(region, question));
  // The sort is stable, so equals keep the order of the configuration.
  const sorted = scored.toSorted((a, b) => gravity[a.doubt] - gravity[b.doubt] || startMs(a) - startMs(b));
  return { kind: "ranked", regions: settleNearEquals(sorted, scored) };
}

const gravity: Readonly<Record<Doubt, number>> = { none: 0, unreachable: 1, down: 2 };

function scoreRegion(
  region: Region,
  { reports, isEjected, saturationMs, roundTripMs, caller }: RankingQuestion,
): RankedRegion {
  const report = reports.get(region.id);
  const distanceKm = caller === undefined ? 0 : greatCircleKm(caller, region);
  const reportedDelayMs = report?.kind === "answered" ? (report.status.queueDelayMs ?? 0) : 0;
  return {
    region,
    doubt: doubtOf(report, isEjected(region.id)),
    distanceKm,
    roundTripMs: roundTripMs(region.id, distanceKm),
    queueDelayMs: Math.max(saturationMs(region.id), reportedDelayMs),
  };
}

function doubtOf(report: RegionReport | undefined, isEjected: boolean): Doubt {
  const health = healthOf(report);
  if (health === "down") return "down";
  return isEjected || health === "unreachable" ? "unreachable" : "none";
}

/** When the region could begin, in ms from now. */
function startMs({ roundTripMs, queueDelayMs }: RankedRegion): number {
  return roundTripMs + queueDelayMs;
}

/** Puts those that are about as good as the best in the order of `configured`; the others stay behind them as they are. */
function settleNearEquals(
  sorted: readonly RankedRegion[],
  configured: readonly RankedRegion[],
): readonly RankedRegion[] {
  const [best] = sorted;
  if (best === undefined) return sorted;
  const isAsGood = (one: RankedRegion) => one.doubt === best.doubt && startMs(one) - startMs(best) < nearEqualMs;
  return [...configured.filter(isAsGood), ...sorted.filter((one) => !isAsGood(one))];
}

/** False only when the region's models are known. A region that is down may list none for want of an engine to ask. */
function mayServe(region: Region, report: RegionReport | undefined, model: string | undefined): boolean {
  if (model === undefined) return true;
  const said = report?.kind === "answered" && report.status.status !== "down" ? report.status.models : region.models;
  return said?.includes(model) ?? true;
}
