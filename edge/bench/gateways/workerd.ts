// `workerd serve` as a gateway: one process, on a port that the system chooses.
import { spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { bundleAlone, bundleEdge } from "./bundle.ts";
import { type BenchKey, environmentOf } from "../deployment.ts";
import { endWithBench } from "./end-with-bench.ts";
import type { Gateway } from "./gateway.ts";
import { bindingsOf, type WorkerdWorker, workerdConfig } from "./workerd-config.ts";
import { unstable_readConfig as readConfig } from "wrangler";

const root = resolve(import.meta.dirname, "../../..");
const workerd = join(root, "node_modules/.bin/workerd");
const completions = "/v1/chat/completions";

/** What wrangler says of a Durable Object's binding; its own type is lost among those of packages that are not here. */
interface BoundObject {
  readonly name: string;
  readonly class_name: string;
}

export interface EdgeOptions {
  readonly name: string;
  /** For its bundle and its Durable Objects; nobody else's. */
  readonly folder: string;
  readonly regionUrl: string;
  readonly key: BenchKey;
  /** module -> file that takes its place. */
  readonly aliases?: Readonly<Record<string, string>>;
}

export async function startEdge({ name, folder, regionUrl, key, aliases }: EdgeOptions): Promise<Gateway> {
  const config = readConfig({ config: join(root, "wrangler.toml") });
  const { url, provisioner, ...running } = await serve(folder, {
    script: await bundleEdge(join(folder, "bundle"), aliases),
    environment: { ...textsOf(config.vars), ...environmentOf(regionUrl) },
    compatibilityDate: config.compatibility_date ?? "",
    compatibilityFlags: config.compatibility_flags,
    bindings: bindingsOf(config),
    durableObjects: config.durable_objects.bindings.map((bound: BoundObject) => ({
      binding: bound.name,
      className: bound.class_name,
    })),
  });
  const provisioned = await fetch(provisioner, { method: "POST", body: JSON.stringify(key.record) });
  if (!provisioned.ok) throw new Error(`the key cannot be provisioned: ${await provisioned.text()}`);
  // The address is what Cloudflare would say; without one the flood shield has nothing to count.
  const headers = { authorization: `Bearer ${key.text}`, "cf-connecting-ip": "192.0.2.1" };
  return { name, url: `${url}${completions}`, headers, ...running };
}

/** The bare proxy, or the one that counts. */
export async function startFloor(name: "floor" | "metered floor", folder: string, regionUrl: string): Promise<Gateway> {
  const { compatibility_date: compatibilityDate = "" } = readConfig({ config: join(root, "wrangler.toml") });
  const main = join(import.meta.dirname, `../workers/${name.replace(" ", "-")}.ts`);
  const { url, pid, stop } = await serve(folder, {
    script: await bundleAlone(join(folder, "bundle"), main, compatibilityDate),
    environment: { UPSTREAM: regionUrl },
    compatibilityDate,
    compatibilityFlags: ["enable_request_signal"],
    bindings: [],
    durableObjects: name === "floor" ? [] : [{ binding: "KEY_GATE", className: "KeyGate" }],
  });
  return { name, url: `${url}${completions}`, headers: {}, pid, stop };
}

function textsOf(variables: object): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [name, String(value)]));
}

interface Served extends Pick<Gateway, "pid" | "stop"> {
  readonly url: string;
  /** Where keys are given to their gates; empty without a gate. */
  readonly provisioner: string;
}

async function serve(folder: string, worker: WorkerdWorker): Promise<Served> {
  const disk = join(folder, "disk");
  await mkdir(disk, { recursive: true });
  const configFile = join(folder, "workerd.capnp");
  await writeFile(configFile, workerdConfig(worker, disk));
  const numSockets = worker.durableObjects.length > 0 ? 2 : 1;
  const child = spawn(workerd, ["serve", configFile, "--control-fd=3"], {
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const stop = endWithBench(child);
  const complaints: string[] = [];
  if (child.stderr !== null) createInterface(child.stderr).on("line", (line) => complaints.push(line));
  const ports = await new Promise<ReadonlyMap<string, number>>((settle, fail) => {
    const heard = new Map<string, number>();
    child.once("exit", () => fail(new Error(`workerd ended:\n${complaints.join("\n")}`)));
    createInterface(child.stdio[3] as Readable).on("line", (line) => {
      const { event, socket, port } = JSON.parse(line) as { event: string; socket: string; port: number };
      if (event === "listen") heard.set(socket, port);
      if (heard.size === numSockets) settle(heard);
    });
  });
  const urlOf = (socket: string) => `http://127.0.0.1:${ports.get(socket)}`;
  return {
    url: urlOf("main"),
    provisioner: urlOf("provisioner"),
    pid: child.pid,
    stop,
  };
}
