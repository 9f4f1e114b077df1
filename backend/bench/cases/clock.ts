import { cpuMsOf } from "../contenders/process-cpu.ts";
import type { Rate } from "../measure.ts";

/** Starts to measure a process and all under it; what is returned says at what rate `numTokens` came since then. */
export function startClock(pid: number): (numTokens: number) => Rate {
  const cpuStartMs = cpuMsOf(pid);
  const startMs = performance.now();
  return (numTokens) => ({
    perSecond: (1000 * numTokens) / (performance.now() - startMs),
    perCpuSecond: (1000 * numTokens) / (cpuMsOf(pid) - cpuStartMs),
  });
}
