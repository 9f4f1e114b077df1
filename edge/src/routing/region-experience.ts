import type { Clock } from "#edge/clock.ts";
import type { AttemptRecord } from "#edge/proxy/attempt.ts";
import { OutlierDetector } from "./outlier-detector.ts";
import { RoundTrips } from "./round-trips.ts";
import { Saturation } from "./saturation.ts";

/**
 * What this isolate learnt of the regions by asking them: newer than the board's reports, and of this place. One an isolate;
 * requests share it.
 */
export class RegionExperience {
  readonly outliers: OutlierDetector;
  readonly roundTrips: RoundTrips;
  readonly saturation: Saturation;

  constructor(now: Clock) {
    this.outliers = new OutlierDetector(now);
    this.roundTrips = new RoundTrips(now);
    this.saturation = new Saturation(now);
  }

  /** Takes an attempt into account. @param distanceKm from the caller to the region. */
  learn(attempt: AttemptRecord, distanceKm: number): void {
    const { region, outcome, status = 0, durationMs, processingMs, retryAfterMs } = attempt;
    if (outcome === "unreachable") return this.outliers.failed(region, "unreachable");
    // A region that is full is well.
    const isFull = status === 429 || status === 503;
    if (outcome === "answered" ? status >= 500 : !isFull) this.outliers.failed(region, "error");
    else this.outliers.succeeded(region);
    if (isFull && retryAfterMs !== undefined) this.saturation.told(region, retryAfterMs);
    if (processingMs !== undefined) this.roundTrips.measured(region, distanceKm, durationMs - processingMs);
  }
}
