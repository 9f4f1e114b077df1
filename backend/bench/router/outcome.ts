/** What became of one request, in milliseconds of whatever clock it ran by. */
export interface Outcome {
  readonly arrivedMs: number;
  readonly numPromptTokens: number;
  numCachedTokens: number;
  /** Absent when every engine refused it. */
  firstTokenMs?: number;
  lastTokenMs?: number;
  numOutputTokens: number;
  isShed: boolean;
  /** Index of the engine that ran it. */
  engine?: number;
}

/** What a service promises: beyond it an answer is late, and does not count. */
export interface Objective {
  readonly firstTokenMs: number;
  /** Mean over a request's tokens. */
  readonly betweenTokensMs: number;
}

export interface Summary {
  readonly hitRate: number;
  readonly firstTokenP50Ms: number;
  readonly firstTokenP90Ms: number;
  readonly betweenTokensP90Ms: number;
  /** Requests a second that met the objective. */
  readonly goodput: number;
  readonly shedRate: number;
  /** The busiest engine's share of the requests over the mean share; 1 is even. */
  readonly imbalance: number;
}

export function summarize(
  outcomes: readonly Outcome[],
  durationMs: number,
  numEngines: number,
  objective: Objective,
): Summary {
  const served = outcomes.filter(({ firstTokenMs }) => firstTokenMs !== undefined);
  const waits = served.map((outcome) => (outcome.firstTokenMs ?? 0) - outcome.arrivedMs);
  const paces = served.map(paceOf);
  const isGood = (outcome: Outcome): boolean =>
    outcome.lastTokenMs !== undefined &&
    (outcome.firstTokenMs ?? 0) - outcome.arrivedMs <= objective.firstTokenMs &&
    paceOf(outcome) <= objective.betweenTokensMs;
  const counts = Array.from(
    { length: numEngines },
    (_, index) => served.filter(({ engine }) => engine === index).length,
  );
  return {
    hitRate: sum(served.map((each) => each.numCachedTokens)) / sum(served.map((each) => each.numPromptTokens)),
    firstTokenP50Ms: quantile(waits, 0.5),
    firstTokenP90Ms: quantile(waits, 0.9),
    betweenTokensP90Ms: quantile(paces, 0.9),
    goodput: (1e3 * outcomes.filter(isGood).length) / durationMs,
    shedRate: outcomes.filter(({ isShed }) => isShed).length / outcomes.length,
    imbalance: Math.max(...counts) / (served.length / numEngines),
  };
}

/** Mean time between a request's tokens; 0 for one token. */
function paceOf({ firstTokenMs = 0, lastTokenMs = firstTokenMs, numOutputTokens }: Outcome): number {
  return numOutputTokens > 1 ? (lastTokenMs - firstTokenMs) / (numOutputTokens - 1) : 0;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
