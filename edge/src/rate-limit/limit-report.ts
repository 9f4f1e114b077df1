// What a caller is told of its limits, on every reply.
import { goDuration } from "./go-duration.ts";
import type { Meter } from "./meter.ts";

/** One of OpenAI's two triples of headers. */
export interface MeterReading {
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds until all of it is there again. */
  readonly resetMs: number;
}

/** Absent where there is no such limit. */
export interface LimitReport {
  readonly requests?: MeterReading;
  readonly tokens?: MeterReading;
}

/** Of several meters that count the same, the one with least left is told. */
export function readTightest(meters: readonly Meter[], nowMs: number): MeterReading | undefined {
  let tightest: MeterReading | undefined;
  for (const meter of meters) {
    const left = meter.remaining(nowMs);
    if (tightest !== undefined && tightest.remaining <= left) continue;
    tightest = { limit: meter.limit, remaining: left, resetMs: meter.untilFullMs(nowMs) };
  }
  return tightest;
}

/** The report as OpenAI's headers. */
export function reportHeaders(report: LimitReport): readonly (readonly [name: string, value: string])[] {
  return (["requests", "tokens"] as const).flatMap((counted) => {
    const reading = report[counted];
    if (reading === undefined) return [];
    return [
      [`x-ratelimit-limit-${counted}`, String(reading.limit)],
      [`x-ratelimit-remaining-${counted}`, String(reading.remaining)],
      [`x-ratelimit-reset-${counted}`, goDuration(reading.resetMs)],
    ] as const;
  });
}
