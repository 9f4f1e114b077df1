import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** The command lines of what a local stack consists of. */
const stackPrograms = /deploy\/local\/main\.ts|backend\/src\/(?:rpc|ingress)\/main\.ts|\bwrangler\b/;

const maxOutputBytes = 64 * 1024 * 1024;

/**
 * Those of the processes that run one of these programs; after a reboot their numbers may be anybody's. Zombies do not
 * run: they have ended, and wait for a parent that may never ask.
 */
export async function runningAmong(pids: readonly number[], programs = stackPrograms): Promise<number[]> {
  const args = ["-A", "-ww", "-o", "pid=,stat=,args="];
  const { stdout } = await promisify(execFile)("ps", args, { maxBuffer: maxOutputBytes });
  const running = new Set<number>();
  for (const line of stdout.trim().split("\n")) {
    const [, pid, state, command = ""] = /^\s*(\d+)\s+(\S+)\s*(.*)$/.exec(line) ?? [];
    if (state?.startsWith("Z") === false && programs.test(command)) running.add(Number(pid));
  }
  return pids.filter((pid) => running.has(pid));
}
