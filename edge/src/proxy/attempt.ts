// One region asked once.
import { AppError } from "@sluice/shared/errors.ts";
import type { PassportKey } from "@sluice/shared/passport.ts";
import { neededTokensHeader, readNeededTokens, reservationTooSmallStatus } from "@sluice/shared/reservation.ts";
import type { Clock } from "#edge/clock.ts";
import type { Region } from "#edge/routing/region.ts";
import { type RegionRequest, sendTo } from "./region-request.ts";
import { keepVigil, type Vigil } from "./vigil.ts";

export type Attempt =
  /** The region answers, well or with an error that any region would give. */
  | { readonly kind: "answered"; readonly region: Region; readonly response: Response }
  /** The region says that it cannot now; another may. */
  | { readonly kind: "declined"; readonly region: Region; readonly response: Response }
  /** The region would answer, if more tokens were reserved for the request. */
  | { readonly kind: "short"; readonly region: Region; readonly neededTokens: number }
  /** No answer: refused, reset, or silent for too long. */
  | { readonly kind: "unreachable"; readonly region: Region; readonly cause: unknown };

/** An attempt after which nothing more is to be tried in its region. */
export type FinalAttempt = Exclude<Attempt, { readonly kind: "short" }>;

/** What the log keeps of an attempt. */
export interface AttemptRecord {
  readonly region: string;
  readonly outcome: FinalAttempt["kind"];
  readonly status: number | undefined;
  /** Until the answer's headers, or until it was given up. */
  readonly durationMs: number;
  /** The part of it that the region says it took. */
  readonly processingMs: number | undefined;
  /** When the region expects to have room, if it said so. */
  readonly retryAfterMs: number | undefined;
  /** Why it was unreachable. */
  readonly cause: string | undefined;
}

/**
 * Statuses that speak of the region and not of the request: 429 and 503 from a full one, 502 from a broken one; 401 and 403
 * from one that does not trust our passport, and redirects from one that is not what we took it for. Not 504: that region
 * worked on the request until its time was up, and another would do the same work again.
 */
const declines: ReadonlySet<number> = new Set([301, 302, 303, 307, 308, 401, 403, 429, 502, 503]);

export interface AttemptOptions {
  readonly passportKey: PassportKey;
  readonly now: Clock;
  /** Longest wait for the response's headers. */
  readonly startTimeoutMs: number;
  /** Longest life of the whole answer. */
  readonly answerTimeoutMs: number;
  /** Aborted when the caller has left. */
  readonly callerGone: AbortSignal;
  /** While its headers do not come, whether the region is there at all. Absent: `startTimeoutMs` alone bounds the wait. */
  readonly vigilOver?: (region: Region) => Vigil;
}

/** Asks a region. Throws `request_cancelled` when the caller leaves first; every failure of the region is a value. */
export async function attempt(region: Region, request: RegionRequest, options: AttemptOptions): Promise<Attempt> {
  const { callerGone } = options;
  const giveUp = new AbortController();
  const startTimer = setTimeout(() => giveUp.abort(new AppError("deadline_exceeded")), options.startTimeoutMs);
  const vigil = options.vigilOver?.(region);
  const endVigil = vigil && keepVigil(vigil, () => giveUp.abort(new AppError("unavailable")));
  try {
    const signal = AbortSignal.any([giveUp.signal, callerGone]);
    const response = await sendTo(region, request, options.passportKey, options.now(), signal);
    // From here the same signal bounds the body. The timer dies with the request, so nothing needs to clear it.
    setTimeout(() => giveUp.abort(new AppError("deadline_exceeded")), options.answerTimeoutMs);
    const isShort = response.status === reservationTooSmallStatus;
    const neededTokens = isShort ? readNeededTokens(response.headers.get(neededTokensHeader)) : undefined;
    if (neededTokens !== undefined) {
      await response.body?.cancel();
      return { kind: "short", region, neededTokens };
    }
    // One that does not say how much it needs is broken.
    return { kind: isShort || declines.has(response.status) ? "declined" : "answered", region, response };
  } catch (cause) {
    if (callerGone.aborted) throw new AppError("request_cancelled", { cause });
    return { kind: "unreachable", region, cause };
  } finally {
    clearTimeout(startTimer);
    endVigil?.();
  }
}
