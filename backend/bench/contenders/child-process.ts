// A contender's process. What it writes is kept for error messages only; it never outlives the bench.
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const stopGraceMs = 10_000;
const keptLines = 20;

export interface ChildOptions {
  /** The whole environment; the bench's own when absent. */
  readonly env?: NodeJS.ProcessEnv;
  /** Whether messages go to and fro. */
  readonly ipc?: boolean;
}

export class BenchChild {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Rejects when the process ends without being asked to; never resolves. */
  readonly died: Promise<never>;
  readonly #lines: string[] = [];
  readonly #watchers = new Set<(line: string) => void>();
  #stopping = false;

  /** @throws Error when there is no such command. */
  constructor(command: string, args: readonly string[], { env, ipc = false }: ChildOptions = {}) {
    const stdio: ("ignore" | "pipe" | "ipc")[] = ["ignore", "pipe", "pipe"];
    if (ipc) stdio.push("ipc");
    this.process = spawn(command, args, { stdio, ...(env !== undefined && { env }) });
    this.process.once("error", (error) => this.#keep(error.message));
    if (this.process.pid === undefined) throw new Error(`${command} does not start`);
    this.pid = this.process.pid;
    for (const output of [this.process.stdout, this.process.stderr]) {
      if (output !== null) createInterface(output).on("line", (line) => this.#keep(line));
    }
    const kill = (): void => void this.process.kill("SIGKILL");
    process.once("exit", kill);
    this.died = new Promise<never>((_, reject) => {
      this.process.once("exit", (code, signal) => {
        process.removeListener("exit", kill);
        if (!this.#stopping) reject(new Error(`${command} ended (${code ?? signal}):\n${this.#lines.join("\n")}`));
      });
    });
    this.died.catch(() => {}); // Whoever waits for the process races with it; others learn of it by their calls failing.
  }

  /** The first thing that `find` makes of a line. */
  find<T>(find: (line: string) => T | undefined): Promise<T> {
    const found = new Promise<T>((resolve) => {
      const watch = (line: string): void => {
        const result = find(line);
        if (result === undefined) return;
        this.#watchers.delete(watch);
        resolve(result);
      };
      this.#watchers.add(watch);
    });
    return Promise.race([found, this.died]);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const gone = new Promise<void>((resolve) => this.process.once("exit", () => resolve()));
    this.process.kill("SIGTERM");
    await Promise.race([gone, sleep(stopGraceMs, undefined, { ref: false })]);
    this.process.kill("SIGKILL");
  }

  #keep(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > keptLines) this.#lines.shift();
    for (const watch of this.#watchers) watch(line);
  }
}
