// The figures as Markdown.
import type { Leaving, Sample } from "../measure.ts";
import type { Results } from "./results.ts";

export function casesTable(caseName: string, results: Results): string {
  const columns: readonly (readonly [title: string, digits: number, read: (sample: Sample) => number | undefined])[] = [
    ["CPU µs/request", 0, (sample) => sample.cpuUsPerRequest],
    ["requests/s", 0, (sample) => sample.requestsPerSecond],
    ["latency p50 ms", 2, (sample) => sample.latencyMs.p50],
    ["first chunk p50 ms", 2, (sample) => sample.firstChunkMs?.p50],
    ["first chunk p99 ms", 2, (sample) => sample.firstChunkMs?.p99],
    ["chunk p50 ms", 2, (sample) => sample.chunkMs?.p50],
    ["chunk p99 ms", 2, (sample) => sample.chunkMs?.p99],
    ["chunks/s", 0, (sample) => sample.chunksPerSecond],
  ];
  const rows = results.gatewaysOf(caseName).map((gateway) => {
    const cpuRatio = results.ratio(gateway, "floor", caseName, (sample) => sample.cpuUsPerRequest);
    const numErrors = results.median(gateway, caseName, (sample) => sample.numErrors);
    const cells = columns.map(([, digits, read]) => format(results.median(gateway, caseName, read), digits));
    return [gateway, format(cpuRatio, 2), ...cells, format(numErrors, 0)];
  });
  const titles = ["", "CPU × floor", ...columns.map(([title]) => title), "errors"];
  return `### ${caseName}\n\n${table(titles, rows)}`;
}

export function leavingTable(leavings: ReadonlyMap<string, Leaving>): string {
  const rows = [...leavings].map(([gateway, { numLeft, numNoticed }]) => [
    gateway,
    String(numLeft),
    String(numNoticed),
  ]);
  return `### leaving c8\n\n${table(["", "callers left", "region noticed"], rows)}`;
}

const cpu = (sample: Sample) => sample.cpuUsPerRequest;

/** What each part costs: what the edge costs more than a build without the part. */
export function partsTable(results: Results, caseName: string, parts: readonly string[]): string {
  const whole = results.median("sluice", caseName, cpu);
  const rows = [
    ["the whole edge", format(whole, 0), format(results.ratio("sluice", "floor", caseName, cpu), 2)],
    ["a bare Hono proxy", format(results.median("floor", caseName, cpu), 0), "1.00"],
    ...parts.map((part) => {
      const costUs = results.difference("sluice", `without ${part}`, caseName, cpu);
      const share = results.ratio(`without ${part}`, "floor", caseName, cpu);
      return [part, format(costUs, 0), share === undefined ? "" : `${share.toFixed(2)} without`];
    }),
  ];
  return `### what each part costs, ${caseName}\n\n${table(["", "CPU µs/request", "CPU × floor"], rows)}`;
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [titles, titles.map((_, index) => (index === 0 ? "---" : "---:")), ...rows];
  return `${lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`;
}

function format(value: number | undefined, digits: number): string {
  return value === undefined ? "" : value.toFixed(digits);
}
