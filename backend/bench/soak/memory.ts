import { readFile } from "node:fs/promises";
import type { BenchChild } from "../contenders/child-process.ts";

const kibibyte = 1024;

/** What an engine's process holds while it has nothing to do, in bytes. */
export interface MemoryReading {
  readonly rss: number;
  /** After a garbage collection, of the thread with the sockets and of the engine's. */
  readonly mainHeap: number;
  readonly engineHeap: number;
  /** What both threads hold outside of their heaps: array buffers, the KV pool's among them, and XGrammar's memory. */
  readonly external: number;
}

/** The process must have been started with report-heap.ts, and be idle. Linux only. */
export async function readMemory(child: BenchChild): Promise<MemoryReading> {
  const heaps = Promise.all([child.find(heapOf("main")), child.find(heapOf("engine"))]);
  process.kill(child.pid, "SIGUSR2");
  const [main, engine] = await heaps;
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * kibibyte;
  const external = main.external + engine.external;
  return { rss, mainHeap: main.heapUsed, engineHeap: engine.heapUsed, external };
}

interface HeapLine {
  readonly thread: string;
  readonly heapUsed: number;
  readonly external: number;
}

function heapOf(thread: string): (line: string) => HeapLine | undefined {
  return (line) => {
    if (!line.startsWith('{"msg":"heap"')) return undefined;
    const heap = JSON.parse(line) as HeapLine;
    return heap.thread === thread ? heap : undefined;
  };
}

/** What the readings grew by from the first to the last, by the line through them (least squares): one odd reading is no leak. */
export function growthOf(readings: readonly number[]): number {
  const middle = (readings.length - 1) / 2;
  const mean = readings.reduce((sum, reading) => sum + reading, 0) / readings.length;
  let covariance = 0;
  let variance = 0;
  for (const [index, reading] of readings.entries()) {
    covariance += (index - middle) * (reading - mean);
    variance += (index - middle) ** 2;
  }
  return variance === 0 ? 0 : (covariance / variance) * (readings.length - 1);
}
