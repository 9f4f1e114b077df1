import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { LineBook, type PendingLine } from "./line-book.ts";
import { type LineOutcome, runLines } from "./run-lines.ts";

const ended: LineOutcome = { kind: "ended" };

interface Turn {
  readonly numLines: number;
  readonly maxParallelLines?: number;
  readonly turnMs?: number;
  readonly isOver?: () => boolean;
  /** Answers a line, or leaves it pending. `numRunning` counts it. */
  readonly run: (line: PendingLine, numRunning: number) => Promise<LineOutcome>;
}

/** What is left to wait, how many were answered, and how many ran at once at most. */
async function runTurn({ numLines, maxParallelLines = 8, turnMs = 10_000, isOver = () => false, run }: Turn) {
  const runner = env.BATCH_RUNNER.getByName(`lines-${crypto.randomUUID()}`);
  return runInDurableObject(runner, async (_, { storage }) => {
    const book = new LineBook(storage.sql);
    for (let number = 1; number <= numLines; number += 1) {
      book.add({ number, customId: String(number), offset: 0, length: 1 });
    }
    let [numRunning, most] = [0, 0];
    const waitMs = await runLines({
      book,
      maxParallelLines,
      endsAtMs: Date.now() + turnMs,
      isOver,
      now: Date.now,
      run: async (line) => {
        most = Math.max(most, (numRunning += 1));
        book.begin(line.number, "req");
        const outcome = await run(line, numRunning);
        numRunning -= 1;
        if (outcome.kind === "ended") book.answer(line.number, { isGood: true, text: "{}", settlement: undefined });
        else book.release(line.number, { dueMs: 0, isTry: false });
        return outcome;
      },
    });
    return { waitMs, most, ...book.counts() };
  });
}

const sleep = async (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

test("all lines run, more and more of them at once, and never more than may", async () => {
  const turn = await runTurn({
    numLines: 40,
    run: async () => {
      await sleep(2);
      return ended;
    },
  });
  expect(turn).toEqual({ waitMs: undefined, most: 8, total: 40, completed: 40, failed: 0 });
});

test("no more run than are let in, and about one is refused for each that is", async () => {
  let numRefused = 0;
  const turn = await runTurn({
    numLines: 60,
    run: async (_, numRunning) => {
      if (numRunning > 3) {
        numRefused += 1;
        // As of a limit of places: nobody knows when one is free.
        return { kind: "wait", afterMs: 600_000 };
      }
      await sleep(2);
      return ended;
    },
  });
  expect(turn).toMatchObject({ waitMs: undefined, completed: 60 });
  expect(numRefused).toBeGreaterThan(0);
  expect(numRefused).toBeLessThan(90);
});

test("a short wait is waited out, a long one ends the turn and is told", async () => {
  let isRefused = true;
  const short = await runTurn({
    numLines: 5,
    run: async () => {
      if (!isRefused) return ended;
      isRefused = false;
      return { kind: "wait", afterMs: 20 };
    },
  });
  expect(short).toMatchObject({ waitMs: undefined, completed: 5 });
  const long = await runTurn({ numLines: 5, turnMs: 1_000, run: async () => ({ kind: "wait", afterMs: 20_000 }) });
  expect(long.completed).toBe(0);
  expect(long.waitMs).toBeGreaterThan(10_000);
  const longer = await runTurn({ numLines: 1, turnMs: 10, run: async () => ({ kind: "wait", afterMs: 9e9 }) });
  expect(longer.waitMs).toBeLessThanOrEqual(30_000);
});

test("when it is over, what runs ends and nothing more begins", async () => {
  let isOver = false;
  const turn = await runTurn({
    numLines: 20,
    isOver: () => isOver,
    run: async () => {
      isOver = true;
      await sleep(2);
      return ended;
    },
  });
  expect(turn).toMatchObject({ waitMs: 0, most: 1, completed: 1 });
});
