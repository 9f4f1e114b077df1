// Processor time of other processes, out of Linux's /proc (proc(5)).
import { readdirSync, readFileSync } from "node:fs";

/** USER_HZ: fixed at 100 for user space on every common architecture. So a reading is good to 10 ms. */
const ticksPerSecond = 100;

/** User and system time of the process and of all under it, children that ended included, in milliseconds. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is a name in parentheses and may hold anything; the third follows the last of them.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [utime, stime, cutime, cstime] = fields.slice(11, 15).map(Number);
  const ticks = (utime ?? 0) + (stime ?? 0) + (cutime ?? 0) + (cstime ?? 0);
  return childrenOf(pid).reduce((sum, child) => sum + cpuMsOf(child), (1000 * ticks) / ticksPerSecond);
}

function childrenOf(pid: number): readonly number[] {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.flatMap((thread) => {
    const children = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim();
    return children === "" ? [] : children.split(" ").map(Number);
  });
}
