// The goals that the house set itself, each beside what was measured. Those of decode and prefill are ratios to llama.cpp
// at the same precision class and thread count: by processor time with one thread, by the clock with two, since threads
// that wait may spin.
import type { CellResult } from "../cases/prefill-and-decode.ts";
import type { PrecisionClass } from "../contenders/contender.ts";
import { median, type Rate } from "../measure.ts";
import type { Report } from "./report.ts";

export interface Goal {
  readonly name: string;
  readonly wanted: string;
  readonly measured: string;
  readonly met: boolean;
}

type Phase = "prefill" | "decode";

interface RatioGoal {
  readonly phase: Phase;
  readonly precision: PrecisionClass;
  readonly numThreads: number;
  readonly numSequences: number;
  readonly contextTokens: number;
  readonly least: number;
  readonly peer: "llama.cpp" | "node-llama-cpp";
}

const short = 128;
const long = 1024;

const ratioGoals: readonly RatioGoal[] = [
  ...decodeGoals("4bit", 1, short, { 1: 1, 8: 1.3, 32: 1.2 }),
  ...decodeGoals("8bit", 1, short, { 1: 0.8, 8: 2, 32: 1.8 }),
  ...decodeGoals("4bit", 2, short, { 8: 1.5, 32: 1.5 }),
  ...decodeGoals("8bit", 2, short, { 8: 1.5, 32: 1.5 }),
  ...decodeGoals("4bit", 1, long, { 1: 1, 8: 1, 32: 1 }),
  ...decodeGoals("8bit", 1, long, { 1: 1, 8: 1, 32: 1 }),
  ...prefillGoals("4bit", 0.95),
  ...prefillGoals("8bit", 2),
  ...(["4bit", "8bit"] as const).flatMap((precision) =>
    decodeGoals(precision, 1, short, { 32: 3 }).map((goal) => ({ ...goal, peer: "node-llama-cpp" as const })),
  ),
];

const leastWarmRatio = 15;
const leastBatchingRatio = 1.3;
const mostWaste = 0.04;
/** Mean sequence from which the waste counts, in tokens. */
const wasteMeanTokens = 300;

// leasts: sequences -> least ratio
function decodeGoals(
  precision: PrecisionClass,
  numThreads: number,
  contextTokens: number,
  leasts: Readonly<Record<number, number>>,
): readonly RatioGoal[] {
  return Object.entries(leasts).map(([numSequences, least]) => {
    const shape = { precision, numThreads, contextTokens, numSequences: Number(numSequences) };
    return { ...shape, phase: "decode", least, peer: "llama.cpp" };
  });
}

function prefillGoals(precision: PrecisionClass, least: number): readonly RatioGoal[] {
  const sizes = [1, 8, 32].flatMap((numSequences) =>
    [short, long].map((contextTokens) => ({ numSequences, contextTokens })),
  );
  return sizes.map((size) => ({ ...size, phase: "prefill", precision, numThreads: 1, least, peer: "llama.cpp" }));
}

/** Those that the run has figures for. */
export function judge(report: Report): readonly Goal[] {
  return [
    ...ratioGoals.flatMap((goal) => judgeRatio(goal, report)),
    ...report.warmPrefix
      .filter(({ contender }) => contender === "sluice")
      .map(({ precision, coldMs, warmMs }) =>
        atLeast(`warm prefix, ${precision}: CPU of a cold over a warm request`, leastWarmRatio, coldMs / warmMs),
      ),
    ...report.batching.flatMap(({ precision, continuous, static: fixed, emptying }) => {
      const over = (name: string, rate: Rate): Goal =>
        atLeast(
          `continuous over ${name}, ${precision}`,
          leastBatchingRatio,
          continuous.perCpuSecond / rate.perCpuSecond,
        );
      return [over("static batching", fixed), over("static batches that empty", emptying)];
    }),
    ...report.kvWaste
      .filter(({ meanTokens }) => meanTokens >= wasteMeanTokens)
      .map(({ blockSize, meanTokens, waste }) => ({
        name: `KV waste, blocks of ${blockSize}, mean length ${Math.round(meanTokens)}`,
        wanted: `< ${100 * mostWaste} %`,
        measured: `${(100 * waste).toFixed(1)} %`,
        met: waste < mostWaste,
      })),
  ];
}

function judgeRatio(goal: RatioGoal, report: Report): readonly Goal[] {
  const { phase, precision, numThreads, numSequences, contextTokens, least } = goal;
  const cell = report.cells.find(
    (each) =>
      each.precision === precision &&
      each.numThreads === numThreads &&
      each.numSequences === numSequences &&
      each.contextTokens === contextTokens,
  );
  const peer = goal.peer === "llama.cpp" ? llamaCppOf(report.contenders) : goal.peer;
  if (cell === undefined || peer === undefined || cell.rates[peer] === undefined) return [];
  const threads = `${numThreads} thread${numThreads === 1 ? "" : "s"}`;
  const name = `${phase} ${precision}, ${numSequences} x ${contextTokens}, ${threads}, over ${peer}`;
  return [atLeast(name, least, ratioTo(cell, peer, phase, numThreads === 1 ? "perCpuSecond" : "perSecond"))];
}

/** llama.cpp's own server where there is one, else its binding. */
function llamaCppOf(contenders: readonly string[]): string | undefined {
  return ["llama-server", "node-llama-cpp"].find((name) => contenders.includes(name));
}

/** How many times the peer's rate Sluice's is: the median of the rounds' ratios, each of neighbours in time. */
export function ratioTo(cell: CellResult, peer: string, phase: Phase, unit: keyof Rate): number {
  const [ours, theirs] = [cell.rates["sluice"]?.[phase] ?? [], cell.rates[peer]?.[phase] ?? []];
  return median(ours.map((rate, round) => rate[unit] / (theirs[round]?.[unit] ?? NaN)));
}

function atLeast(name: string, least: number, ratio: number): Goal {
  return { name, wanted: `≥ ${least}`, measured: ratio.toFixed(2), met: ratio >= least };
}
