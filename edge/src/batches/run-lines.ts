// Runs lines side by side until none is left, nothing more may begin, or all there are must wait for longer than the turn.
//
// How many run at once is found by trying, as TCP finds its window: one more after each that was answered, as many as run when one
// is told to wait. So a batch takes what its key's limits and its regions leave, and asks in vain about once an answer.
import type { Clock } from "#edge/clock.ts";
import { waitAtMost } from "#edge/deadline.ts";
import type { LineBook, PendingLine } from "./line-book.ts";

/** How a line's run ended, for those that wait. */
export type LineOutcome =
  | { readonly kind: "ended" }
  /** Nobody else of the batch need ask for a while. Absent: nobody knows how long. */
  | { readonly kind: "wait"; readonly afterMs: number | undefined };

export interface LineTurn {
  readonly book: LineBook;
  /** Must leave the line other than running, and not reject. */
  readonly run: (line: PendingLine) => Promise<LineOutcome>;
  readonly maxParallelLines: number;
  /** When the turn begins no more lines. */
  readonly endsAtMs: number;
  /** Whether nothing more is to begin at all. */
  readonly isOver: () => boolean;
  readonly now: Clock;
}

/** Bounds the processor time of a turn. */
const maxTurnLines = 1_000;
const firstParallelLines = 4;
/** When nobody says how long to wait; doubled each time that it was in vain. */
const firstPauseMs = 500;
/** Limits may be raised, and places become free, sooner than anybody can tell. */
const maxPauseMs = 30_000;

/** In how many milliseconds the next line may run; undefined when none is pending. Nothing runs any more. */
export async function runLines(turn: LineTurn): Promise<number | undefined> {
  const { book, now, endsAtMs } = turn;
  const running = new Set<Promise<void>>();
  let numBegun = 0;
  let width = Math.min(firstParallelLines, turn.maxParallelLines);
  let pausedUntilMs = 0;
  let numPauses = 0;

  const hear = (outcome: LineOutcome): void => {
    if (outcome.kind === "ended") {
      // It has given back a place, and tokens that it did not use.
      pausedUntilMs = 0;
      numPauses = 0;
      width = Math.min(turn.maxParallelLines, width + 1);
      return;
    }
    width = Math.max(1, Math.min(width, running.size));
    if (now() < pausedUntilMs) return;
    pausedUntilMs = now() + Math.min(maxPauseMs, outcome.afterMs ?? firstPauseMs * 2 ** Math.min(numPauses, 10));
    numPauses += 1;
  };
  const begin = (line: PendingLine): void => {
    numBegun += 1;
    const run = async (): Promise<void> => {
      const outcome = await turn.run(line);
      running.delete(done);
      hear(outcome);
    };
    const done = run();
    running.add(done);
  };
  const isOver = (): boolean => turn.isOver() || now() >= endsAtMs || numBegun >= maxTurnLines;
  const untilNextMs = (): number | undefined => {
    const dueMs = book.nextDueMs();
    return dueMs === undefined ? undefined : Math.max(0, Math.max(dueMs, pausedUntilMs) - now());
  };

  for (;;) {
    while (!isOver() && running.size < width && untilNextMs() === 0) {
      const line = book.next(now());
      if (line === undefined) break;
      begin(line);
    }
    const waitMs = untilNextMs();
    if (running.size === 0 && (waitMs === undefined || isOver() || now() + waitMs >= endsAtMs)) return waitMs;
    const someEnd = running.size === 0 ? new Promise<void>(() => undefined) : Promise.race(running);
    // When as many run as may, only an end makes room.
    if (waitMs === undefined || isOver() || running.size >= width) await someEnd;
    else await waitAtMost(Math.max(1, waitMs), someEnd, () => undefined);
  }
}
