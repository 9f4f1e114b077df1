// Starts the stack as a user does, in a state directory and on a port of its own.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

/** What `stack.json` promises to scripts. */
export interface StackFile {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly adminUrl: string;
  readonly adminKey: string;
  readonly demoIssuer: { readonly issuer: string; readonly audience: string; readonly privateKeyFile: string };
  readonly model: string;
  readonly regions: readonly {
    readonly id: string;
    readonly ingressUrl: string;
    readonly pids: readonly [ingress: number, ...engines: number[]];
    readonly metricsUrl: string;
  }[];
  readonly edgePid: number;
  readonly supervisorPid: number;
}

export interface RunningStack {
  readonly stateDir: string;
  readonly output: () => string;
  readonly stackFile: () => Promise<StackFile>;
  /** Ctrl-C, and the exit code once the process is gone. */
  readonly interrupt: () => Promise<number | null>;
  /** `interrupt`, then removes the state directory. */
  readonly dispose: () => Promise<void>;
}

const repositoryRoot = path.join(import.meta.dirname, "../..");

/** Runs `npm start`'s command with these variables on top; does not wait. */
export function spawnStack(env: NodeJS.ProcessEnv): ChildProcess {
  return spawn(process.execPath, ["deploy/local/main.ts"], {
    cwd: repositoryRoot,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/**
 * Resolves when the stack has printed its banner; its state is new unless `SLUICE_STATE` names one. @throws Error with everything it printed when it ends first. */
export async function startStack(env: NodeJS.ProcessEnv = {}): Promise<RunningStack> {
  const stateDir = env["SLUICE_STATE"] ?? (await mkdtemp(path.join(tmpdir(), "sluice-stack-")));
  const child = spawnStack({ SLUICE_STATE: stateDir, SLUICE_PORT: String(await findFreePort()), ...env });
  let output = "";
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes("npm run chat")) resolve();
    };
    child.stdout?.on("data", read);
    child.stderr?.on("data", read);
    void exited.then((code) => reject(new Error(`The stack ended with ${code}:\n${output}`)));
  });
  const interrupt = async (): Promise<number | null> => {
    child.kill("SIGINT");
    return exited;
  };
  return {
    stateDir,
    output: () => output,
    stackFile: async () => JSON.parse(await readFile(path.join(stateDir, "stack.json"), "utf8")) as StackFile,
    interrupt,
    dispose: async () => {
      await interrupt();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

export async function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no TCP address"));
        else resolve(address.port);
      });
    });
  });
}

/** Whether the process runs. A zombie does not: it has ended, and waits for a parent that may never ask. */
export async function isRunning(pid: number): Promise<boolean> {
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,stat="]);
  const row = stdout.split("\n").find((line) => line.trim().startsWith(`${pid} `));
  return row !== undefined && !row.trim().split(/\s+/)[1]?.startsWith("Z");
}
