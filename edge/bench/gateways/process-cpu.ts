// Processor time of another process, out of Linux's /proc: the scheduler's own count, in nanoseconds, of each of its threads
// (Documentation/scheduler/sched-stats.rst). That of the whole process, in /proc/PID/stat, comes in steps of 10 ms, which is a
// tenth of what a gateway takes for one caller in a second.
import { readdirSync, readFileSync } from "node:fs";

/**
 * User and system time of the process with all its threads, in milliseconds. workerd and Node have no children here, and keep the
 * threads that work.
 */
export function cpuMsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sumMs, thread) => {
    const [runNs] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ");
    return sumMs + Number(runNs) / 1e6;
  }, 0);
}
