import type { Target } from "../load/run-load.ts";

/** What is measured, running. */
export interface Gateway extends Target {
  readonly name: string;
  /** The one process whose time counts. Absent when there is nothing between caller and region. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
}
