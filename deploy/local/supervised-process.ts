// A child process that is started again when it dies, from when it is kept until it is stopped. Its output goes to a log file, never to the
// terminal, so that the terminal shows only what a person needs.
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { BoundedLog } from "./bounded-log.ts";
import { pickLastWords } from "./last-words.ts";

export interface ProcessSpec {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly logFile: string;
  /** See BoundedLog. */
  readonly maxLogBytes: number;
}

/** Who is told what happens to a child. */
export interface ProcessWatcher {
  /** What a person should know: a death, or a log that cannot be written. */
  tell(text: string): void;
  /** The child was started again, as another process. */
  restarted(): void;
}

const firstRestartDelayMs = 250;
const maxRestartDelayMs = 5_000;
/** A child that lived this long starts over at the first delay. */
const healthyLifeMs = 10_000;
const stopGraceMs = 8_000;

export class SupervisedProcess {
  readonly #spec: ProcessSpec;
  readonly #log: BoundedLog;
  readonly #watcher: ProcessWatcher;
  #child: ChildProcess;
  #startedAtMs = 0;
  #restartDelayMs = firstRestartDelayMs;
  #stopping = false;
  #isKept = false;
  /** How the child ended, while it does not run. */
  #end: string | undefined;
  #numDeaths = 0;

  /** Starts the child at once. Until `keep` it may die once: what cannot start fails the same way again. */
  constructor(spec: ProcessSpec, watcher: ProcessWatcher) {
    this.#spec = spec;
    this.#watcher = watcher;
    this.#log = new BoundedLog(spec.logFile, spec.maxLogBytes, (text) => watcher.tell(text));
    this.#child = this.#spawn();
  }

  get name(): string {
    return this.#spec.name;
  }

  /** Of the child that runs now, or of the last one while the next waits for its start. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** From now on the child is started again whenever it dies. */
  keep(): void {
    this.#isKept = true;
    if (this.#end !== undefined) void this.#startAgain(this.#end);
  }

  /** How often the child died without being asked to. */
  get numDeaths(): number {
    return this.#numDeaths;
  }

  get logFile(): string {
    return this.#spec.logFile;
  }

  /** What the child wrote that says most of why it ended, for an error message. */
  async lastWords(): Promise<string> {
    return pickLastWords(await readFile(this.#spec.logFile, "utf8").catch((error: Error) => error.message));
  }

  /** Asks the whole process group to end, then insists. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
      this.#signal("SIGTERM");
      await Promise.race([gone, sleep(stopGraceMs, undefined, { ref: false })]);
    }
    this.#signal("SIGKILL"); // Whatever the group still holds, such as a workerd whose parent is gone.
    this.#log.end();
  }

  #spawn(): ChildProcess {
    const { command, args, cwd, env } = this.#spec;
    this.#startedAtMs = performance.now();
    // A group of its own: Ctrl-C reaches the supervisor alone, which then stops the children in order.
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    child.stdout.pipe(this.#log, { end: false });
    child.stderr.pipe(this.#log, { end: false });
    child.once("error", (error) => this.#log.write(`${error.message}\n`));
    child.once("exit", (code, signal) => this.#noteDeath(signal ?? `exit code ${code}`));
    return child;
  }

  #noteDeath(how: string): void {
    if (this.#stopping) return;
    this.#numDeaths += 1;
    this.#end = how;
    if (this.#isKept) void this.#startAgain(how);
  }

  async #startAgain(how: string): Promise<void> {
    this.#log.write(`The process ended with ${how} and is started again.\n`);
    this.#watcher.tell(`${this.name} ended with ${how} and is started again; see ${this.#spec.logFile}`);
    this.#signal("SIGKILL"); // A grandchild left behind would hold the port.
    if (performance.now() - this.#startedAtMs > healthyLifeMs) this.#restartDelayMs = firstRestartDelayMs;
    await sleep(this.#restartDelayMs, undefined, { ref: false });
    this.#restartDelayMs = Math.min(this.#restartDelayMs * 2, maxRestartDelayMs);
    if (this.#stopping) return;
    this.#end = undefined;
    this.#child = this.#spawn();
    this.#watcher.restarted();
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}
