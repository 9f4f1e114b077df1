// Portkey's gateway on Node: what a team would otherwise put there. Installed for the bench alone, into a folder that git
// ignores.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { endWithBench } from "./end-with-bench.ts";
import type { Gateway } from "./gateway.ts";

const portkeyVersion = "1.15.2";
/** It allows newer ones, and with those, from 1.14 on, it answers every request with 500. */
const nodeServerVersion = "1.13.8";
const startTimeoutMs = 20_000;

/** @throws Error when npm cannot fetch it, or it does not start. */
export async function startPortkey(packageDir: string, regionUrl: string): Promise<Gateway> {
  await install(packageDir);
  const port = await freePort();
  const entry = join(packageDir, "node_modules/@portkey-ai/gateway/build/start-server.js");
  // It has no setting for the address to listen on.
  const preload = join(import.meta.dirname, "listen-on-loopback.ts");
  const child = spawn(process.execPath, ["--import", preload, entry, "--headless", `--port=${port}`], {
    stdio: "ignore",
    env: { ...process.env, NODE_ENV: "production", TRUSTED_CUSTOM_HOSTS: "127.0.0.1" },
  });
  const stop = endWithBench(child);
  const url = `http://127.0.0.1:${port}/v1/chat/completions`;
  await untilListening(url);
  return {
    name: `portkey ${portkeyVersion}`,
    url,
    headers: {
      authorization: "Bearer none",
      "x-portkey-provider": "openai",
      "x-portkey-custom-host": `${regionUrl}/v1`,
    },
    pid: child.pid,
    stop,
  };
}

async function install(packageDir: string): Promise<void> {
  const wanted = { "@portkey-ai/gateway": portkeyVersion, "@hono/node-server": nodeServerVersion };
  const versions = Object.keys(wanted).map(async (name) => installedVersion(packageDir, name));
  if ((await Promise.all(versions)).join() === Object.values(wanted).join()) return;
  await mkdir(packageDir, { recursive: true });
  // Its own package.json keeps npm from looking for one further up.
  const manifest = { private: true, dependencies: wanted, overrides: { "@hono/node-server": nodeServerVersion } };
  await writeFile(join(packageDir, "package.json"), JSON.stringify(manifest));
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=0"];
  await promisify(execFile)("npm", ["install", ...flags], { cwd: packageDir });
}

/** Absent when it is not there. */
async function installedVersion(packageDir: string, name: string): Promise<string | undefined> {
  const manifest = join(packageDir, "node_modules", name, "package.json");
  const text = await readFile(manifest, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as { version: string }).version;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function untilListening(url: string): Promise<void> {
  const deadlineMs = performance.now() + startTimeoutMs;
  for (;;) {
    const reached = await fetch(url).then(
      () => true,
      () => false,
    );
    if (reached) return;
    if (performance.now() > deadlineMs) throw new Error("Portkey does not listen");
    await sleep(100);
  }
}
