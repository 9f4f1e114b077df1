/** Tokens per second, by the clock on the wall and by the processor time of all threads. */
export interface Rate {
  readonly perSecond: number;
  readonly perCpuSecond: number;
}

/** The median of each figure for itself, over at least one round. */
export function medianRate(rounds: readonly Rate[]): Rate {
  return {
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    perCpuSecond: median(rounds.map(({ perCpuSecond }) => perCpuSecond)),
  };
}

/** Over at least one value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1] ?? NaN;
  const lower = sorted[(sorted.length - 1) >> 1] ?? NaN;
  return (lower + upper) / 2;
}
