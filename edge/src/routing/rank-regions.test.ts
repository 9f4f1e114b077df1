import type { RegionStatus } from "@sluice/shared/region-status.ts";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { type RankingQuestion, rankRegions } from "./rank-regions.ts";
import type { RegionReport } from "./region-report.ts";
import type { Region } from "./region.ts";
import { leastRoundTripMs } from "./round-trips.ts";

const europe = region("europe", 50, 5);
const america = region("america", 40, -75);
const asia = region("asia", 35, 140);
const inParis = { latitude: 48.9, longitude: 2.4 };

function region(id: string, latitude: number, longitude: number, models?: string[]): Region {
  return { id, url: `http://${id}.test`, latitude, longitude, jurisdiction: id, ...(models && { models }) };
}

function answered(
  regionId: string,
  status: RegionStatus["status"],
  models: string[] = ["pocket"],
  queueDelayMs = 0,
): RegionReport {
  const load = { numRunning: 0, numWaiting: 0, numQueuedTokens: 0, queueDelayMs };
  return { kind: "answered", regionId, checkedAtMs: 0, status: { region: regionId, status, models, ...load } };
}

function unreachable(regionId: string): RegionReport {
  return { kind: "unreachable", regionId, checkedAtMs: 0 };
}

interface Situation extends Partial<Omit<RankingQuestion, "reports" | "isEjected">> {
  readonly reports?: readonly RegionReport[];
  readonly ejected?: readonly string[];
}

/** The ids in order, or why there are none. */
function rank({ reports = [], ejected = [], ...rest }: Situation) {
  const ranking = rankRegions({
    regions: [america, europe, asia],
    model: "pocket",
    caller: inParis,
    roundTripMs: (_, distanceKm) => leastRoundTripMs(distanceKm),
    saturationMs: () => 0,
    jurisdictions: undefined,
    ...rest,
    reports: new Map(reports.map((report) => [report.regionId, report])),
    isEjected: (regionId) => ejected.includes(regionId),
  });
  return ranking.kind === "ranked" ? ranking.regions.map(({ region: { id } }) => id) : ranking.kind;
}

test.each<{ when: string; situation: Situation; ranked: readonly string[] | string }>([
  { when: "nothing is known", situation: {}, ranked: ["europe", "america", "asia"] },
  { when: "the caller's place is unknown", situation: { caller: undefined }, ranked: ["america", "europe", "asia"] },
  {
    when: "the nearest is draining",
    situation: { reports: [answered("europe", "draining")] },
    ranked: ["america", "asia"],
  },
  {
    when: "the nearest is down",
    situation: { reports: [answered("europe", "down", [])] },
    ranked: ["america", "asia", "europe"],
  },
  {
    when: "the nearest cannot be reached",
    situation: { reports: [unreachable("europe")] },
    ranked: ["america", "asia", "europe"],
  },
  {
    when: "the nearest is down and another cannot be reached",
    situation: { reports: [answered("europe", "down", []), unreachable("america")] },
    ranked: ["asia", "america", "europe"],
  },
  { when: "the nearest just failed us", situation: { ejected: ["europe"] }, ranked: ["america", "asia", "europe"] },
  {
    when: "none can be reached",
    situation: { reports: ["europe", "america", "asia"].map(unreachable) },
    ranked: ["europe", "america", "asia"],
  },
  {
    when: "all say no",
    situation: { reports: ["europe", "america", "asia"].map((id) => answered(id, "draining")) },
    ranked: "none_available",
  },
  {
    when: "the nearest serves other models",
    situation: { reports: [answered("europe", "ok", ["other"])] },
    ranked: ["america", "asia"],
  },
  {
    when: "all serve other models",
    situation: { reports: ["europe", "america", "asia"].map((id) => answered(id, "ok", ["other"])) },
    ranked: "unknown_model",
  },
  {
    when: "all that are known serve other models",
    situation: { reports: ["europe", "america"].map((id) => answered(id, "ok", ["other"])) },
    ranked: ["asia"],
  },
  {
    when: "a region without engines lists no models",
    situation: { regions: [europe], reports: [answered("europe", "down", [])] },
    ranked: ["europe"],
  },
  {
    when: "only the configuration names models",
    situation: { regions: [region("named", 0, 0, ["other"])], reports: [unreachable("named")] },
    ranked: "unknown_model",
  },
  {
    when: "the region says other than its configuration",
    situation: { regions: [region("named", 0, 0, ["other"])], reports: [answered("named", "ok")] },
    ranked: ["named"],
  },
  {
    when: "the nearest's queue takes longer than the way to the next",
    situation: { reports: [answered("europe", "ok", ["pocket"], 500), answered("america", "ok")] },
    ranked: ["america", "asia", "europe"],
  },
  {
    when: "the nearest's queue takes less time than the way to the next",
    situation: { reports: [answered("europe", "ok", ["pocket"], 30), answered("america", "ok")] },
    ranked: ["europe", "america", "asia"],
  },
  {
    when: "the nearest just said that it is full",
    situation: { saturationMs: (id) => (id === "europe" ? 2_000 : 0) },
    ranked: ["america", "asia", "europe"],
  },
  {
    when: "the nearest was measured to be slow",
    situation: { roundTripMs: (id, km) => leastRoundTripMs(km) + (id === "europe" ? 400 : 0) },
    ranked: ["america", "asia", "europe"],
  },
  {
    when: "two are about equally near",
    situation: { roundTripMs: (id) => ({ america: 19, europe: 10, asia: 21 })[id] ?? 0 },
    ranked: ["america", "europe", "asia"],
  },
  {
    when: "only one jurisdiction is allowed",
    situation: { jurisdictions: ["asia"] },
    ranked: ["asia"],
  },
  {
    when: "the only region of the jurisdiction is ejected",
    situation: { jurisdictions: ["asia"], ejected: ["asia"] },
    ranked: ["asia"],
  },
  {
    when: "the only region of the jurisdiction drains",
    situation: { jurisdictions: ["asia"], reports: [answered("asia", "draining")] },
    ranked: "none_available",
  },
  {
    when: "no region of the jurisdiction serves the model",
    situation: { jurisdictions: ["asia"], reports: [answered("asia", "ok", ["other"])] },
    ranked: "none_in_jurisdiction",
  },
  {
    when: "no region lies in the jurisdiction",
    situation: { jurisdictions: [] },
    ranked: "none_in_jurisdiction",
  },
  {
    when: "no model is asked for",
    situation: { model: undefined, reports: [answered("europe", "ok", [])] },
    ranked: ["europe", "america", "asia"],
  },
])("when $when: $ranked", ({ situation, ranked }) => {
  expect(rank(situation)).toEqual(ranked);
});

test("whatever is known of the regions, a request never leaves its jurisdictions", () => {
  const ids = ["america", "europe", "asia"];
  const delay = fc.integer({ min: 0, max: 10_000 });
  const kind = fc.constantFrom("ok", "draining", "down", "unreachable");
  const report = fc.tuple(kind, delay);
  fc.assert(
    fc.property(
      fc.tuple(report, report, report),
      fc.subarray(ids),
      fc.subarray(ids),
      (said, ejected, jurisdictions) => {
        const reports = said.map(([status, queueDelayMs], index) => {
          const id = ids[index] ?? "";
          return status === "unreachable" ? unreachable(id) : answered(id, status, ["pocket"], queueDelayMs);
        });
        const ranked = rank({ reports, ejected, jurisdictions });
        for (const id of typeof ranked === "string" ? [] : ranked) expect(jurisdictions).toContain(id);
      },
    ),
  );
});

test("a region is ranked at most once, and one that drains is never ranked", () => {
  const report = fc.constantFrom("none", "ok", "draining", "down", "unreachable");
  fc.assert(
    fc.property(fc.tuple(report, report, report), fc.subarray(["america", "europe", "asia"]), (kinds, ejected) => {
      const ids = ["america", "europe", "asia"];
      const reports = kinds.flatMap((kind, index) => {
        const id = ids[index] ?? "";
        if (kind === "none") return [];
        return kind === "unreachable" ? [unreachable(id)] : [answered(id, kind)];
      });
      const draining = ids.filter((_, index) => kinds[index] === "draining");
      const ranked = rank({ reports, ejected });
      const open = ids.filter((id) => !draining.includes(id));
      expect(typeof ranked === "string" ? [] : ranked.toSorted()).toEqual(open.toSorted());
    }),
  );
});
