import type { Incident } from "./simulate.ts";

/** What befalls the house while requests come. */
export interface Scenario {
  readonly name: string;
  /** Shares of what the engines could serve if every prefix were found. */
  readonly loads: readonly number[];
  /** In it the rate rises in a line to what it is then; what arrives before its end does not count. */
  readonly warmUpMs: number;
  /** @param fromMs when what counts begins. */
  readonly incidents: (fromMs: number) => readonly Incident[];
}

const warmUpMs = 30_000;
const restartMs = 5_000;
const silenceMs = 20_000;

export const scenarios: readonly Scenario[] = [
  { name: "warm", loads: [0.1, 0.3, 0.6, 0.9], warmUpMs, incidents: () => [] },
  // All of the rate at once, on engines that hold nothing.
  { name: "cold", loads: [0.3, 0.6, 0.9], warmUpMs: 0, incidents: () => [] },
  {
    name: "restart",
    loads: [0.3, 0.6],
    warmUpMs,
    incidents: (atMs) => [{ kind: "restart", engines: [0], atMs, durationMs: restartMs }],
  },
  {
    name: "one engine's Watch hangs",
    loads: [0.3, 0.6],
    warmUpMs,
    incidents: (atMs) => [{ kind: "silence", engines: [0], atMs, durationMs: silenceMs }],
  },
];
