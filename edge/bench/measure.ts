// One case on one gateway: latency as the caller sees it, and the processor time of the gateway's process.
import { setTimeout as sleep } from "node:timers/promises";
import type { Gateway } from "./gateways/gateway.ts";
import { cpuMsOf } from "./gateways/process-cpu.ts";
import type { RunningRegion } from "./gateways/region.ts";
import { runLoad } from "./load/run-load.ts";
import { leavingCase, type LoadCase } from "./scenario.ts";

/** Settlements follow their answers; they belong to what a request costs. */
const settlingMs = 300;

export interface Sample {
  /** Processor time of the gateway; absent when there is none. */
  readonly cpuUsPerRequest: number | undefined;
  readonly requestsPerSecond: number;
  readonly chunksPerSecond: number;
  readonly latencyMs: Spread;
  /** Absent when nothing was streamed, as is `chunkMs`. */
  readonly firstChunkMs: Spread | undefined;
  readonly chunkMs: Spread | undefined;
  readonly numErrors: number;
}

interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** @throws Error when nothing was answered. */
export async function measure(gateway: Gateway, loadCase: LoadCase, durationMs: number): Promise<Sample> {
  const cpuBeforeMs = gateway.pid === undefined ? undefined : cpuMsOf(gateway.pid);
  const load = await runLoad(gateway, loadCase, durationMs);
  await sleep(settlingMs);
  const { answers, errors } = load;
  if (answers.length === 0) throw new Error(`${gateway.name}, ${loadCase.name}: ${errors[0] ?? "no answer"}`);
  const usedMs = gateway.pid === undefined ? undefined : cpuMsOf(gateway.pid) - (cpuBeforeMs ?? 0);
  const chunkMs = answers.flatMap((answer) => answer.chunkMs);
  return {
    cpuUsPerRequest: usedMs === undefined ? undefined : (1e3 * usedMs) / answers.length,
    requestsPerSecond: (1e3 * answers.length) / load.durationMs,
    chunksPerSecond: (1e3 * chunkMs.length) / load.durationMs,
    latencyMs: spreadOf(answers.map((answer) => answer.latencyMs)) ?? { p50: 0, p99: 0 },
    firstChunkMs: spreadOf(answers.map((answer) => answer.firstChunkMs).filter((ms) => ms !== undefined)),
    chunkMs: spreadOf(chunkMs),
    numErrors: errors.length,
  };
}

export interface Leaving {
  /** Streams whose caller left in the middle. */
  readonly numLeft: number;
  /** Of those, the ones that the region saw end. */
  readonly numNoticed: number;
}

/** Callers that leave after some chunks; the region has `noticeMs` to see the last of them go. */
export async function measureLeaving(
  gateway: Gateway,
  region: RunningRegion,
  durationMs: number,
  noticeMs: number,
): Promise<Leaving> {
  const before = await region.stats();
  const { answers } = await runLoad(gateway, leavingCase, durationMs, 3);
  await sleep(noticeMs);
  const after = await region.stats();
  return { numLeft: answers.length, numNoticed: after.numAbandoned - before.numAbandoned };
}

function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  return sorted.length === 0 ? undefined : { p50: at(0.5), p99: at(0.99) };
}
