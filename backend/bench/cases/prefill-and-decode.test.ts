import { expect, test } from "vitest";
import type { Contender, Job } from "../contenders/contender.ts";
import { measureCell } from "./prefill-and-decode.ts";

/** Answers at once, with `numTokens(job)` tokens, and remembers what it was asked. */
function scripted(name: string, numTokens: (job: Job) => number) {
  const jobs: Job[] = [];
  let numRunning = 0;
  const contender: Contender = {
    name,
    start: () => {
      numRunning += 1;
      return Promise.resolve({
        pid: process.pid,
        async *generate(job: Job) {
          jobs.push(job);
          for (let token = 0; token < numTokens(job); token++) yield await Promise.resolve([token]);
        },
        stop: () => {
          numRunning -= 1;
          return Promise.resolve();
        },
      });
    },
  };
  return { contender, jobs, isStopped: () => numRunning === 0 };
}

const cell = { precision: "8bit", numThreads: 1, numSequences: 4, contextTokens: 200 } as const;

test("what decodes are the prompts that were computed last, each in its slot, the same for every contender", async () => {
  const first = scripted("first", ({ maxTokens }) => maxTokens);
  const second = scripted("second", ({ maxTokens }) => maxTokens);
  const { rates } = await measureCell([first.contender, second.contender], cell, 1000, 2);

  for (const { jobs } of [first, second]) {
    const ofCell = jobs.filter(({ promptTokenIds }) => promptTokenIds.length === cell.contextTokens);
    const [prefilled, decoded] = [ofCell.slice(0, 4), ofCell.slice(4, 8)];
    expect(decoded.map(({ slot, promptTokenIds }) => [slot, promptTokenIds])).toEqual(
      prefilled.map(({ slot, promptTokenIds }) => [slot, promptTokenIds]),
    );
    expect(prefilled.map(({ slot }) => slot)).toEqual([0, 1, 2, 3]);
    // The second round has prompts of its own.
    expect(new Set(ofCell.map(({ promptTokenIds }) => promptTokenIds.join())).size).toBe(8);
  }
  expect(second.jobs).toEqual(first.jobs);
  expect(rates).toMatchObject({
    first: { prefill: { length: 2 }, decode: { length: 2 } },
    second: { prefill: { length: 2 }, decode: { length: 2 } },
  });
});

test("sequences that end too early spoil the measurement, and every contender is stopped", async () => {
  const whole = scripted("whole", ({ maxTokens }) => maxTokens);
  const short = scripted("short", ({ maxTokens }) => Math.min(20, maxTokens));
  await expect(measureCell([whole.contender, short.contender], cell, 1000, 1)).rejects.toThrow(
    "short: a sequence ended before",
  );
  expect([whole.isStopped(), short.isStopped()]).toEqual([true, true]);
});

test("when one contender does not start, those that did are stopped", async () => {
  const whole = scripted("whole", ({ maxTokens }) => maxTokens);
  const broken: Contender = { name: "broken", start: () => Promise.reject(new Error("no such binary")) };
  await expect(measureCell([whole.contender, broken], cell, 1000, 1)).rejects.toThrow("no such binary");
  expect(whole.isStopped()).toBe(true);
});
