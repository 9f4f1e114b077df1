import { expect, test } from "vitest";
import type { CellResult } from "../cases/prefill-and-decode.ts";
import { judge } from "./goals.ts";
import type { Report } from "./report.ts";

const rate = (perCpuSecond: number, perSecond = perCpuSecond) => ({ perCpuSecond, perSecond });

function reportOf(fields: Partial<Report>): Report {
  return {
    machine: { processor: "some", numCores: 2, node: "24" },
    model: "some",
    contenders: ["sluice", "llama-server", "node-llama-cpp"],
    numRounds: 3,
    conformance: [],
    cells: [],
    warmPrefix: [],
    batching: [],
    kvWaste: [],
    ...fields,
  };
}

function cellOf(numThreads: number, ours: CellResult["rates"][string], theirs: CellResult["rates"][string]) {
  const rates = { sluice: ours, "llama-server": theirs };
  return { precision: "4bit", numThreads, numSequences: 8, contextTokens: 128, rates } as const;
}

const none = { prefill: [], decode: [] };

test("one thread is judged by processor time, two by the clock", () => {
  const ours = { prefill: [], decode: [rate(130, 1)] };
  const theirs = { prefill: [], decode: [rate(100, 100)] };
  const verdicts = judge(reportOf({ cells: [cellOf(1, ours, theirs), cellOf(2, ours, theirs)] }));
  expect(verdicts.filter(({ name }) => name.startsWith("decode"))).toMatchObject([
    { name: expect.stringContaining("1 thread, over llama-server"), wanted: "≥ 1.3", measured: "1.30", met: true },
    { name: expect.stringContaining("2 threads"), measured: "0.01", met: false },
  ]);
});

test("a ratio is the median of the rounds' ratios, not the ratio of medians", () => {
  const ours = { prefill: [], decode: [rate(10), rate(100), rate(200)] };
  const theirs = { prefill: [], decode: [rate(5), rate(10), rate(400)] };
  const [verdict] = judge(reportOf({ cells: [cellOf(1, ours, theirs)] }));
  expect(verdict?.measured).toBe("2.00");
});

test("what was not measured is neither met nor missed", () => {
  expect(judge(reportOf({}))).toEqual([]);
  const missing = judge(reportOf({ contenders: ["sluice"], cells: [cellOf(1, none, none)] }));
  expect(missing).toEqual([]);
});

test("without llama-server, node-llama-cpp stands for llama.cpp", () => {
  const cell = { ...cellOf(1, { prefill: [], decode: [rate(2)] }, none) };
  const rates = { sluice: cell.rates.sluice, "node-llama-cpp": { prefill: [], decode: [rate(1)] } };
  const [verdict] = judge(reportOf({ contenders: ["sluice", "node-llama-cpp"], cells: [{ ...cell, rates }] }));
  expect(verdict).toMatchObject({ name: expect.stringContaining("over node-llama-cpp"), measured: "2.00" });
});

test("waste counts only where sequences are long enough", () => {
  const waste = { blockSize: 16, waste: 0.05, tokensPerCpuSecond: 1 };
  const kvWaste = [
    { ...waste, meanTokens: 299 },
    { ...waste, meanTokens: 300 },
  ];
  expect(judge(reportOf({ kvWaste }))).toMatchObject([{ measured: "5.0 %", met: false }]);
});

test("continuous batching is judged by both forms of static batching", () => {
  const batching = [
    { precision: "8bit", numSlots: 32, numRequests: 64, continuous: rate(30), static: rate(10), emptying: rate(25) },
  ] as const;
  expect(judge(reportOf({ batching: [...batching] }))).toMatchObject([
    { name: "continuous over static batching, 8bit", measured: "3.00", met: true },
    { name: "continuous over static batches that empty, 8bit", measured: "1.20", met: false },
  ]);
});
