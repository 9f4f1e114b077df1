// Processor time of another process, out of Linux's /proc (proc(5)).
import { readFileSync } from "node:fs";

/** USER_HZ: fixed at 100 for user space on every common architecture. So a reading is good to 10 ms. */
const msPerTick = 10;

/** User and system time of the process with all its threads, in milliseconds. workerd and Node have no children here. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The second field is a name in parentheses and may hold anything; the third follows the last of them.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * msPerTick;
}
