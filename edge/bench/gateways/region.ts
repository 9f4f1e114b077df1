// The mock region's process, seen from the bench.
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { RegionStats } from "../mock-region.ts";

export interface RunningRegion {
  readonly url: string;
  stats(): Promise<RegionStats>;
  stop(): void;
}

export async function startRegion(): Promise<RunningRegion> {
  const child = fork(join(import.meta.dirname, "../mock-region.ts"));
  const [port] = (await once(child, "message")) as [number];
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    stats: async () => (await fetch(`${url}/stats`)).json() as Promise<RegionStats>,
    stop: () => child.disconnect(),
  };
}
