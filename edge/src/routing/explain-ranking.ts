import type { RankedRegion } from "./rank-regions.ts";

/** A ranking as the text of a header: JSON, best first, times in whole ms and distances in whole km. */
export function explainRanking(ranking: readonly RankedRegion[]): string {
  return JSON.stringify(
    ranking.map(({ region, doubt, distanceKm, roundTripMs, queueDelayMs }) => ({
      region: region.id,
      distance_km: Math.round(distanceKm),
      round_trip_ms: Math.round(roundTripMs),
      queue_delay_ms: Math.round(queueDelayMs),
      ...(doubt !== "none" && { doubt }),
    })),
  );
}
