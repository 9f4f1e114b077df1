// Which regions this isolate should not lean on for now. Faster than the board, which polls, and it sees what polls do not:
// a region whose status is fine and whose answers are not.
//
// Ejection as in Envoy's outlier detection: the time grows with each ejection in a row. When it is over, one request is let
// through as a probe (half-open, as in Nygard's circuit breaker) and decides for all. An ejected region is ranked last rather
// than left out, so a detector that errs can delay a request but not refuse one.
import type { Clock } from "#edge/clock.ts";

/** First ejection: long enough for the board's next polls to find out, short enough that a hiccup is soon forgiven. */
const baseEjectionMs = 5_000;
const maxEjectionMs = 60_000;
/** Answers of a broken region, one after another, that eject it. Source: Envoy, consecutive_5xx. */
const maxConsecutiveErrors = 5;
/** A probe that has not ended by then was cancelled under us; another may go. */
const probeTimeoutMs = 10_000;

/** `unreachable`: no answer, or one that broke off. `error`: an answer with a server's error. */
export type RegionFailure = "unreachable" | "error";

interface Standing {
  consecutiveErrors: number;
  /** How often it was ejected without an answer in between. */
  ejections: number;
  /** Absent unless it was ejected and has not answered since. */
  ejectedUntilMs: number | undefined;
  /** Present while a probe is under way. */
  probeStartedAtMs: number | undefined;
}

export class OutlierDetector {
  readonly #now: Clock;
  /** regionId -> how it stands; missing when nothing is held against it. As many entries at most as there are regions. */
  readonly #standings = new Map<string, Standing>();

  constructor(now: Clock) {
    this.#now = now;
  }

  /** Whether others should be asked first: it is ejected, or a probe is still finding out. */
  isEjected(regionId: string): boolean {
    const standing = this.#standings.get(regionId);
    if (standing?.ejectedUntilMs === undefined) return false;
    return this.#now() < standing.ejectedUntilMs || this.#isProbed(standing);
  }

  /** A request leaves for the region. The first one after an ejection is the probe. */
  asked(regionId: string): void {
    const standing = this.#standings.get(regionId);
    if (standing?.ejectedUntilMs === undefined || this.#isProbed(standing)) return;
    if (this.#now() >= standing.ejectedUntilMs) standing.probeStartedAtMs = this.#now();
  }

  /** The region answered as it should: nothing is held against it any more. */
  succeeded(regionId: string): void {
    this.#standings.delete(regionId);
  }

  failed(regionId: string, failure: RegionFailure): void {
    const standing = this.#standings.get(regionId) ?? {
      consecutiveErrors: 0,
      ejections: 0,
      ejectedUntilMs: undefined,
      probeStartedAtMs: undefined,
    };
    this.#standings.set(regionId, standing);
    standing.consecutiveErrors += 1;
    const isProbe = standing.probeStartedAtMs !== undefined;
    standing.probeStartedAtMs = undefined;
    if (failure === "unreachable" || isProbe || standing.consecutiveErrors >= maxConsecutiveErrors)
      this.#eject(standing);
  }

  #eject(standing: Standing): void {
    const nowMs = this.#now();
    // Requests that left before the ejection fail after it; they say nothing new.
    if (standing.ejectedUntilMs !== undefined && nowMs < standing.ejectedUntilMs) return;
    standing.ejectedUntilMs = nowMs + Math.min(maxEjectionMs, baseEjectionMs * 2 ** standing.ejections);
    standing.ejections += 1;
  }

  #isProbed({ probeStartedAtMs }: Standing): boolean {
    return probeStartedAtMs !== undefined && this.#now() - probeStartedAtMs < probeTimeoutMs;
  }
}
