// What the mock region does with a request is in its model's name, so that any gateway that passes the model on can be
// measured: `mock-c50-i20` streams 50 chunks, 20 ms apart. An interval of 0 streams as fast as the connection takes them.

export interface Scenario {
  readonly numChunks: number;
  readonly intervalMs: number;
}

export interface LoadCase {
  readonly name: string;
  readonly isStreamed: boolean;
  readonly concurrency: number;
  readonly model: string;
}

function modelOf({ numChunks, intervalMs }: Scenario): string {
  return `mock-c${numChunks}-i${intervalMs}`;
}

/** The scenario in a model's name; one chunk for any other name. */
export function scenarioOf(model: string): Scenario {
  const [, numChunks = "1", intervalMs = "0"] = /^mock-c(\d+)-i(\d+)$/.exec(model) ?? [];
  return { numChunks: Number(numChunks), intervalMs: Number(intervalMs) };
}

const steady = modelOf({ numChunks: 50, intervalMs: 20 });
const burst = modelOf({ numChunks: 200, intervalMs: 0 });
const short = modelOf({ numChunks: 10, intervalMs: 5 });
const endless = modelOf({ numChunks: 5_000, intervalMs: 20 });

export const models: readonly string[] = [steady, burst, short, endless];

export const loadCases = [
  { name: "unary c1", isStreamed: false, concurrency: 1, model: steady },
  { name: "unary c32", isStreamed: false, concurrency: 32, model: steady },
  { name: "unary c128", isStreamed: false, concurrency: 128, model: steady },
  { name: "short stream c1", isStreamed: true, concurrency: 1, model: short },
  { name: "stream c1", isStreamed: true, concurrency: 1, model: steady },
  { name: "stream c32", isStreamed: true, concurrency: 32, model: steady },
  { name: "stream c128", isStreamed: true, concurrency: 128, model: steady },
  { name: "burst c32", isStreamed: true, concurrency: 32, model: burst },
] as const satisfies readonly LoadCase[];

export type LoadCaseName = (typeof loadCases)[number]["name"];

/** Short streams, so that what a request costs is not hidden behind its chunks. */
export const partsCase: LoadCase = { name: "short streams c32", isStreamed: true, concurrency: 32, model: short };

/** Every caller leaves in the middle. */
export const leavingCase: LoadCase = { name: "leaving c8", isStreamed: true, concurrency: 8, model: endless };
