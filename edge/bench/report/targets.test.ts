import { expect, test } from "vitest";
import type { Sample } from "../measure.ts";
import { Results } from "./results.ts";
import { judge } from "./targets.ts";

const idle = { p50: 1, p99: 1 };

function sampleOf(fields: Partial<Sample>): Sample {
  const rates = { cpuUsPerRequest: 1, requestsPerSecond: 1, chunksPerSecond: 1 };
  return { ...rates, latencyMs: idle, firstChunkMs: idle, chunkMs: idle, numErrors: 0, ...fields };
}

function resultsOf(caseName: string, floor: readonly Partial<Sample>[], sluice: readonly Partial<Sample>[]): Results {
  const results = new Results();
  for (const fields of floor) results.add("floor", caseName, sampleOf(fields));
  for (const fields of sluice) results.add("sluice", caseName, sampleOf(fields));
  return results;
}

test.each([
  [200, true],
  [201, false],
])("%d µs over 100 of the floor: met %s", (cpuUsPerRequest, isMet) => {
  const results = resultsOf("stream c32", [{ cpuUsPerRequest: 100 }], [{ cpuUsPerRequest }]);
  expect(judge(results, new Map())).toMatchObject([{ isMet }]);
});

test.each([
  [90, true],
  [89, false],
])("%d chunks a second of bursts where the floor has 100: met %s", (chunksPerSecond, isMet) => {
  const results = resultsOf("burst c32", [{ chunksPerSecond: 100 }], [{ chunksPerSecond }]);
  expect(judge(results, new Map())).toMatchObject([{ isMet }]);
});

test.each([
  [10, 10, true],
  [10, 9, false],
  [0, 0, false],
])("of %d callers that left the region noticed %d: met %s", (numLeft, numNoticed, isMet) => {
  const leavings = new Map([["sluice", { numLeft, numNoticed }]]);
  expect(judge(new Results(), leavings)).toMatchObject([{ isMet }]);
});

test("a ratio is the median of the rounds' ratios, not the ratio of medians", () => {
  const floor = [{ cpuUsPerRequest: 5 }, { cpuUsPerRequest: 10 }, { cpuUsPerRequest: 400 }];
  const sluice = [{ cpuUsPerRequest: 10 }, { cpuUsPerRequest: 100 }, { cpuUsPerRequest: 200 }];
  expect(judge(resultsOf("stream c1", floor, sluice), new Map())).toMatchObject([{ measured: "2.00" }]);
});

test("what was not measured is neither met nor missed", () => {
  expect(judge(new Results(), new Map())).toEqual([]);
});
