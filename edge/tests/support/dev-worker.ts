// As the local stack runs it: `wrangler dev` as a process of its own, with real sockets on both sides. Up in a few seconds.
import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { inject } from "vitest";
import type { Environment, RunningWorker } from "./worker.ts";
import { edgeConfig, wrangler, wranglerOptions } from "./wrangler.ts";

export interface DevWorker extends RunningWorker {
  /** Kills it in the midst of whatever it does, and starts it again with what it had stored, at another address. */
  crash(): Promise<void>;
}

export async function startDevWorker(environment: Environment): Promise<DevWorker> {
  return startDev(environment, async () => [edgeConfig]);
}

/** @param configure writes into a folder what else is to run, and returns the configurations of all. The first is reached. */
export async function startDev(
  environment: Environment,
  configure: (folder: string) => Promise<readonly string[]>,
): Promise<DevWorker> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-edge-"));
  const configs = (await configure(folder)).flatMap((config) => ["--config", config]);
  const envFile = join(folder, "env");
  await writeFile(
    envFile,
    Object.entries(environment)
      .map(([name, value]) => `${name}='${value}'\n`)
      .join(""),
  );
  const state = join(folder, "state");
  await cp(inject("migratedState"), state, { recursive: true });

  const address = ["--ip", "127.0.0.1", "--port", "0", "--inspector-port", "0"];
  const dev = [
    "dev",
    ...configs,
    "--local",
    "--persist-to",
    state,
    "--env-file",
    envFile,
    ...address,
    "--show-interactive-dev-session=false",
  ];
  const logs: string[] = [];
  const launch = async () => {
    // A group of its own, so that wrangler and its workerd end together.
    const child = spawn(process.execPath, [wrangler, ...dev], {
      ...wranglerOptions,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    return { child, url: await untilReady(child, logs) };
  };
  let running = await launch();
  return {
    get url() {
      return running.url;
    },
    logs: () => logs,
    crash: async () => {
      await end(running.child, "SIGKILL");
      running = await launch();
    },
    stop: async () => {
      await end(running.child, "SIGTERM");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = new Promise((settle) => child.once("exit", settle));
  if (child.pid !== undefined) process.kill(-child.pid, signal);
  await exited;
}

async function untilReady(child: ChildProcess, logs: string[]): Promise<string> {
  return new Promise((settle, fail) => {
    child.once("exit", () => fail(new Error(`wrangler dev ended:\n${logs.join("\n")}`)));
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface(stream).on("line", (line) => {
        logs.push(line);
        const ready = /Ready on (http:\/\/\S+)/.exec(line)?.[1];
        if (ready !== undefined) settle(ready);
      });
    }
  });
}
