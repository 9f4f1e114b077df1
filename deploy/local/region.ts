// One region of the local stack: an ingress and an engine, as they run in production, on loopback ports.
import path from "node:path";
import { repositoryRoot, type StackConfig } from "./config.ts";
import type { LocalModel } from "./model.ts";
import { deviceEnv } from "./device-env.ts";
import { findFreePort } from "./ports.ts";
import type { StackSecrets } from "./secrets.ts";
import { type ProcessWatcher, SupervisedProcess } from "./supervised-process.ts";

/** As in the image: see "Memory" in docs/operations.md. */
const heapOptions = ["--max-semi-space-size=8"];
const allocatorEnv = {
  GLIBC_TUNABLES:
    "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.trim_threshold=67108864",
};

/** Where a region stands, as the edge's `REGIONS` variable has it. */
export interface RegionSite {
  readonly id: string;
  readonly latitude: number;
  readonly longitude: number;
  readonly jurisdiction: string;
}

export const localSites: readonly RegionSite[] = [
  { id: "eu-west", latitude: 52.37, longitude: 4.9, jurisdiction: "eu" },
  { id: "us-east", latitude: 39.04, longitude: -77.49, jurisdiction: "us" },
];

export interface LocalRegion {
  readonly site: RegionSite;
  readonly ingressUrl: string;
  readonly ingressMetricsUrl: string;
  readonly engineMetricsUrl: string;
  readonly ingress: SupervisedProcess;
  readonly engine: SupervisedProcess;
}

/** Starts both processes at once; neither is ready when this resolves. */
export async function startRegion(
  site: RegionSite,
  model: LocalModel,
  config: StackConfig,
  secrets: StackSecrets,
  watcher: ProcessWatcher,
): Promise<LocalRegion> {
  const [enginePort, engineMetricsPort, ingressPort, ingressMetricsPort] = await Promise.all([
    findFreePort(),
    findFreePort(),
    findFreePort(),
    findFreePort(),
  ]);
  const modelEnv = { SLUICE_MODEL_DIR: model.directory, SLUICE_MODEL_ID: config.modelId ?? model.name };
  const start = (role: string, main: string, env: NodeJS.ProcessEnv): SupervisedProcess =>
    new SupervisedProcess(
      {
        name: `${role} ${site.id}`,
        command: process.execPath,
        args: [...heapOptions, path.join(repositoryRoot, "backend/src", main)],
        cwd: repositoryRoot,
        env: { PATH: process.env["PATH"], ...allocatorEnv, ...modelEnv, ...env },
        logFile: path.join(config.stateDir, "logs", `${role}-${site.id}.log`),
        maxLogBytes: config.maxLogBytes,
      },
      watcher,
    );
  const engine = start("engine", "rpc/main.ts", {
    SLUICE_ENGINE_ID: `${site.id}-0`,
    SLUICE_ENGINE_PORT: String(enginePort),
    SLUICE_METRICS_PORT: String(engineMetricsPort),
    SLUICE_CACHE_DIR: path.join(config.stateDir, "cache"),
    // One thread an engine: the two regions share a laptop's cores.
    SLUICE_NUM_THREADS: "1",
    SLUICE_DEVICE: config.device,
    ...(config.device === "webgpu" ? deviceEnv(process.env, config.stateDir) : {}),
    ...(config.precision === undefined ? {} : { SLUICE_PRECISION: config.precision }),
  });
  const ingress = start("ingress", "ingress/main.ts", {
    SLUICE_REGION: site.id,
    SLUICE_INGRESS_PORT: String(ingressPort),
    SLUICE_METRICS_PORT: String(ingressMetricsPort),
    SLUICE_ENGINES: `127.0.0.1:${enginePort}`,
    SLUICE_PASSPORT_PUBLIC_JWK: JSON.stringify(secrets.passportPublicJwk),
    SLUICE_RECEIPT_SECRET: secrets.receiptSecret,
    ...config.parsers,
  });
  return {
    site,
    ingressUrl: `http://127.0.0.1:${ingressPort}`,
    ingressMetricsUrl: `http://127.0.0.1:${ingressMetricsPort}/metrics`,
    engineMetricsUrl: `http://127.0.0.1:${engineMetricsPort}/metrics`,
    ingress,
    engine,
  };
}
