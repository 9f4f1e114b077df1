import { setTimeout as sleep } from "node:timers/promises";
import type { SupervisedProcess } from "./supervised-process.ts";

const pollIntervalMs = 100;

/**
 * Polls `url` until it answers 200.
 * @param processes those that `url` depends on, the one that answers it first
 * @throws Error with a process's last words when one of them dies first, or when `timeoutMs` pass.
 */
export async function waitUntilReady(
  url: string,
  processes: readonly [SupervisedProcess, ...SupervisedProcess[]],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    signal.throwIfAborted();
    const dead = processes.find((process) => process.numDeaths > 0);
    if (dead !== undefined) throw await failure(dead, `${dead.name} ended while starting.`);
    const answered = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
      (response) => response.ok,
      () => false, // Not listening yet.
    );
    if (answered) return;
    await sleep(pollIntervalMs, undefined, { signal });
  }
  throw await failure(processes[0], `${processes[0].name} was not ready after ${timeoutMs / 1000} s.`);
}

async function failure(process: SupervisedProcess, headline: string): Promise<Error> {
  return new Error(`${headline} From its log, ${process.logFile}:\n${await process.lastWords()}`);
}
