import { beforeEach, expect, test } from "vitest";
import { EngineClient } from "#engine/engine-client.ts";
import type { EngineReport } from "#engine/engine-protocol.ts";
import type { EngineLoad } from "#engine/generation.ts";
import { RetryHints } from "./retry-hints.ts";

let nowMs: number;
let numEnded: number;
let promptTokens: number;
let receive: (report: EngineReport) => void;
let hints: RetryHints;

beforeEach(() => {
  [nowMs, numEnded, promptTokens] = [5_000, 0, 0];
  const port = { send: () => {}, onMessage: (listener: typeof receive) => void (receive = listener) };
  const client = new EngineClient(port, 8);
  hints = new RetryHints(client, { nowMs: () => nowMs, monotonicMs: () => nowMs });
  receive({
    kind: "ready",
    spec: { vocabSize: 8, maxModelLen: 8, blockSize: 4, tileSize: 4, numBlocks: 4 },
    load: load(0),
  });
});

test("says a second while nothing was measured", () => {
  expect(hints.retryAfterMs(10)).toBe(1_000);
});

test("says how long a place takes at the pace that sequences end", () => {
  work({ seconds: 5, endedPerSecond: 2, promptTokensPerSecond: 1_000 });
  expect(hints.retryAfterMs(10)).toBe(500);
});

test("says how long as many prompt tokens take, when that is longer", () => {
  work({ seconds: 5, endedPerSecond: 2, promptTokensPerSecond: 1_000 });
  expect(hints.retryAfterMs(3_000)).toBe(3_000);
});

test("gives every refused caller a moment of its own, and time makes them come", () => {
  work({ seconds: 5, endedPerSecond: 2, promptTokensPerSecond: 1_000 });
  expect([1, 2, 3].map(() => hints.retryAfterMs(10))).toEqual([500, 1_000, 1_500]);
  nowMs += 1_200;
  expect(hints.retryAfterMs(10)).toBe(800);
  nowMs += 100_000;
  expect(hints.retryAfterMs(10)).toBe(500);
});

test("idle time says nothing of the pace", () => {
  work({ seconds: 5, endedPerSecond: 2, promptTokensPerSecond: 1_000 });
  receive({ kind: "step", events: [], load: load(0) });
  nowMs += 1_000_000;
  receive({ kind: "step", events: [], load: load(3) });
  expect(hints.retryAfterMs(10)).toBe(500);
});

test("follows a pace that changed", () => {
  work({ seconds: 20, endedPerSecond: 10, promptTokensPerSecond: 10_000 });
  work({ seconds: 60, endedPerSecond: 1, promptTokensPerSecond: 10_000 });
  expect(hints.retryAfterMs(10)).toBeGreaterThan(900);
});

test("is never shorter than a tenth of a second nor longer than a minute", () => {
  work({ seconds: 5, endedPerSecond: 1_000, promptTokensPerSecond: 100_000 });
  expect(hints.retryAfterMs(1)).toBe(100);
  expect(Array.from({ length: 9 }, () => hints.retryAfterMs(2_000_000)).at(-1)).toBe(60_000);
});

/** Reports every tenth of a second of a busy time. */
function work(pace: { seconds: number; endedPerSecond: number; promptTokensPerSecond: number }): void {
  receive({ kind: "step", events: [], load: load(3) });
  for (let report = 0; report < pace.seconds * 10; report += 1) {
    nowMs += 100;
    numEnded += pace.endedPerSecond / 10;
    promptTokens += pace.promptTokensPerSecond / 10;
    receive({ kind: "step", events: [], load: load(3) });
  }
}

function load(numRunning: number): EngineLoad {
  const totals = { promptTokens, generationTokens: 0, preemptions: 0, prefixCacheQueries: 0, prefixCacheHits: 0 };
  const drafted = { drafts: 0, draftTokens: 0, acceptedTokens: 0 };
  const ended = { stop: numEnded, length: 0, abort: 0, error: 0 };
  return {
    numRunning,
    numWaiting: 0,
    numDeferred: 0,
    numQueuedTokens: 0,
    numFreeBlocks: 4,
    numBlocks: 4,
    totals: { ...totals, ...drafted, ended, turnedAway: { numSequences: 0, numTokens: 0 } },
  };
}
