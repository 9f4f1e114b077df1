// What one poll of a region found.
import type { RegionStatus } from "@sluice/shared/region-status.ts";

export type RegionReport =
  | {
      readonly kind: "answered";
      readonly regionId: string;
      readonly checkedAtMs: number;
      readonly status: RegionStatus;
    }
  | { readonly kind: "unreachable"; readonly regionId: string; readonly checkedAtMs: number };

/** regionId -> its latest report. A region without one is of unknown health. */
export type RegionReports = ReadonlyMap<string, RegionReport>;

export type RegionHealth = "ok" | "draining" | "down" | "unreachable" | "unknown";

export function healthOf(report: RegionReport | undefined): RegionHealth {
  if (report === undefined) return "unknown";
  return report.kind === "answered" ? report.status.status : "unreachable";
}
