import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** Those of the processes that run. Zombies do not: they have ended, and wait for a parent that may never ask. */
export async function runningAmong(pids: readonly number[]): Promise<number[]> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,stat="]);
  const running = new Set<number>();
  for (const line of stdout.trim().split("\n")) {
    const [pid, state] = line.trim().split(/\s+/);
    if (state?.startsWith("Z") === false) running.add(Number(pid));
  }
  return pids.filter((pid) => running.has(pid));
}
