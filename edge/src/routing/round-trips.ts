// How long a region is away. Light in fibre gives the least it can be; what was measured says how much worse it is.
//
// An unmeasured region is taken at its lower bound, so it is tried before one of which worse is known: that is how an
// isolate learns. What is learned is an excess over the bound rather than a round trip, because one isolate sees
// callers from more than one place.
import type { Clock } from "#edge/clock.ts";

/** Speed of light in fibre of refractive index 1.468 (ITU-T G.652), there and back. */
const kmPerMsRoundTrip = 204.2 / 2;

/** Weight of a new sample. Source: RFC 6298, alpha of the smoothed round-trip time. */
const sampleWeight = 1 / 8;

/** Without samples for so long, half of what was measured is forgotten: a region that was passed over is tried again. */
const halfLifeMs = 60_000;

/** The least a round trip over `distanceKm` takes, in ms. */
export function leastRoundTripMs(distanceKm: number): number {
  return distanceKm / kmPerMsRoundTrip;
}

interface Excess {
  /** Smoothed, over the least round trip; never negative. */
  readonly ms: number;
  readonly measuredAtMs: number;
}

/** This isolate's measurements; as many entries at most as there are regions. */
export class RoundTrips {
  readonly #now: Clock;
  // regionId -> what its round trips took beyond the least possible
  readonly #excess = new Map<string, Excess>();

  constructor(now: Clock) {
    this.#now = now;
  }

  /** @param roundTripMs from the request's departure to the answer's headers, without the region's own time. */
  measured(regionId: string, distanceKm: number, roundTripMs: number): void {
    const sampleMs = Math.max(0, roundTripMs - leastRoundTripMs(distanceKm));
    const known = this.#excess.get(regionId);
    const ms = known === undefined ? sampleMs : known.ms + sampleWeight * (sampleMs - known.ms);
    this.#excess.set(regionId, { ms, measuredAtMs: this.#now() });
  }

  /** What a round trip over that distance is expected to take, in ms. */
  expectedMs(regionId: string, distanceKm: number): number {
    const excess = this.#excess.get(regionId);
    if (excess === undefined) return leastRoundTripMs(distanceKm);
    const halvings = (this.#now() - excess.measuredAtMs) / halfLifeMs;
    return leastRoundTripMs(distanceKm) + excess.ms * 2 ** -halvings;
  }
}
