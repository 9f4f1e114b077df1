// The report as tables that read well in a terminal and are Markdown too.
import type { CellResult } from "../cases/prefill-and-decode.ts";
import { cachedTokens, promptTokens } from "../cases/warm-prefix.ts";
import { medianRate, type Rate } from "../measure.ts";
import { judge, ratioTo } from "./goals.ts";
import type { Report } from "./report.ts";

export function renderReport(report: Report): string {
  const { machine, model, contenders, numRounds } = report;
  const sections = [
    `${model}, ${machine.processor}, ${machine.numCores} cores, Node ${machine.node}; medians of ${numRounds}, rounds in turns`,
    renderConformance(report),
    ...(["perCpuSecond", "perSecond"] as const).map((unit) => renderCells(report.cells, contenders, unit)),
    renderWarmPrefix(report),
    renderBatching(report),
    renderKvWaste(report),
    renderGoals(report),
  ];
  return `${sections.filter((section) => section !== "").join("\n\n")}\n`;
}

function renderConformance({ conformance }: Report): string {
  const [first, ...others] = conformance;
  if (first === undefined || others.length === 0) return "";
  return others
    .map(({ contender, agreeing, numTokens }) => {
      const counts = agreeing.map((count) => `${count} of ${numTokens}`).join(", ");
      return `The same model: greedy tokens of ${contender} (F16) equal to those of ${first.contender} (fp32): ${counts}`;
    })
    .join("\n");
}

function renderCells(cells: readonly CellResult[], contenders: readonly string[], unit: keyof Rate): string {
  if (cells.length === 0) return "";
  const peers = contenders.filter((name) => name !== "sluice");
  const phases = ["prefill", "decode"] as const;
  const head = [
    ["weights", "threads", "sequences", "context"],
    ...phases.map((phase) => [...contenders.map((name) => `${phase} ${name}`), ...peers.map((peer) => `× ${peer}`)]),
  ].flat();
  const rows = cells.map((cell) => [
    ...[cell.precision, cell.numThreads, cell.numSequences, cell.contextTokens].map(String),
    ...phases.flatMap((phase) => [
      ...contenders.map((name) => medianRate(cell.rates[name]?.[phase] ?? [])[unit].toFixed(0)),
      ...peers.map((peer) => ratioTo(cell, peer, phase, unit).toFixed(2)),
    ]),
  ]);
  return `Tokens per ${unit === "perSecond" ? "second" : "CPU-second"}\n\n${table(head, rows)}`;
}

/** For whoever watches the run. */
export function summarizeCell({ rates }: CellResult): string {
  const figures = Object.entries(rates).map(([name, { prefill, decode }]) => {
    const [prefillRate, decodeRate] = [medianRate(prefill), medianRate(decode)];
    return `${name} ${prefillRate.perCpuSecond.toFixed(0)} and ${decodeRate.perCpuSecond.toFixed(0)}`;
  });
  return `  prefill and decode, tokens per CPU-second: ${figures.join(", ")}`;
}

function renderWarmPrefix({ warmPrefix }: Report): string {
  if (warmPrefix.length === 0) return "";
  const rows = warmPrefix.map(({ contender, precision, coldMs, warmMs }) => [
    contender,
    precision,
    coldMs.toFixed(0),
    warmMs.toFixed(1),
    (coldMs / warmMs).toFixed(1),
  ]);
  const title = `A request of ${promptTokens} prompt tokens, ${cachedTokens} of them computed before`;
  return `${title}\n\n${table(["contender", "weights", "cold, CPU ms", "warm, CPU ms", "ratio"], rows)}`;
}

function renderBatching({ batching }: Report): string {
  if (batching.length === 0) return "";
  const rows = batching.map(({ precision, continuous, static: fixed, emptying }) => [
    precision,
    ...[continuous, fixed, emptying].map(({ perCpuSecond }) => perCpuSecond.toFixed(0)),
    ...[fixed, emptying].map(({ perCpuSecond }) => (continuous.perCpuSecond / perCpuSecond).toFixed(2)),
  ]);
  const { numSlots, numRequests } = batching[0] ?? { numSlots: 0, numRequests: 0 };
  const title =
    `${numRequests} requests with answers of log-normal lengths, ${numSlots} slots, one thread, output tokens per CPU-second. ` +
    "Static: all of a batch compute until its longest answer is done. Emptying: what is done leaves its batch";
  const head = ["weights", "continuous", "static", "emptying", "× static", "× emptying"];
  return `${title}\n\n${table(head, rows)}`;
}

function renderKvWaste({ kvWaste }: Report): string {
  if (kvWaste.length === 0) return "";
  const rows = kvWaste.map(({ blockSize, meanTokens, waste, tokensPerCpuSecond }) => [
    String(blockSize),
    meanTokens.toFixed(0),
    `${(100 * waste).toFixed(1)} %`,
    tokensPerCpuSecond.toFixed(0),
  ]);
  const head = [
    "block size",
    "mean tokens of a sequence",
    "owned slots without a token",
    "decode, tokens per CPU-second",
  ];
  return `KV waste while 32 sequences decode\n\n${table(head, rows)}`;
}

function renderGoals(report: Report): string {
  const goals = judge(report);
  if (goals.length === 0) return "";
  const rows = goals.map(({ name, wanted, measured, met }) => [name, wanted, measured, met ? "met" : "not met"]);
  const numMet = goals.filter(({ met }) => met).length;
  return `Goals: ${numMet} of ${goals.length} met\n\n${table(["goal", "wanted", "measured", ""], rows)}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
