// What the edge set itself, each beside what was measured.
import type { Leaving } from "../measure.ts";
import type { LoadCaseName } from "../scenario.ts";
import type { Results } from "./results.ts";

export interface Verdict {
  readonly name: string;
  readonly target: string;
  readonly measured: string;
  readonly isMet: boolean;
}

const mostCpuRatio = 2;
const goalCpuRatio = 1.6;
const leastBurstRatio = 0.9;
const streamedCases: readonly LoadCaseName[] = ["short stream c1", "stream c1", "stream c32", "stream c128"];
const burstCase: LoadCaseName = "burst c32";

/** Those that the run has figures for. */
export function judge(results: Results, leavings: ReadonlyMap<string, Leaving>): readonly Verdict[] {
  const verdicts: Verdict[] = [];
  for (const caseName of streamedCases) {
    const ratio = results.ratio("sluice", "floor", caseName, (sample) => sample.cpuUsPerRequest);
    if (ratio === undefined) continue;
    verdicts.push({
      name: `CPU of an admitted, metered, streamed request over the floor, ${caseName}`,
      target: `≤ ${mostCpuRatio}, goal ${goalCpuRatio}`,
      measured: ratio.toFixed(2),
      isMet: ratio <= mostCpuRatio,
    });
  }
  const burst = results.ratio("sluice", "floor", burstCase, (sample) => sample.chunksPerSecond);
  if (burst !== undefined) {
    verdicts.push({
      name: "chunks a second of burst streams over the floor",
      target: `≥ ${leastBurstRatio}`,
      measured: burst.toFixed(2),
      isMet: burst >= leastBurstRatio,
    });
  }
  const leaving = leavings.get("sluice");
  if (leaving !== undefined) {
    verdicts.push({
      name: "callers whose leaving reached the region",
      target: "100 %",
      measured: `${leaving.numNoticed} of ${leaving.numLeft}`,
      isMet: leaving.numLeft > 0 && leaving.numNoticed === leaving.numLeft,
    });
  }
  return verdicts;
}
