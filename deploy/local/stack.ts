// The local stack: two regions and the edge, up in order, down in reverse.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { StackConfig } from "./config.ts";
import { obtainDemoIssuer } from "./demo-issuer.ts";
import { obtainDemoKey } from "./demo-key.ts";
import { applyMigrations, remedyForDamage, startEdge } from "./edge.ts";
import { type LocalModel, resolveModel } from "./model.ts";
import { assertPortFree } from "./ports.ts";
import type { Progress } from "./progress.ts";
import { type LocalRegion, localSites, startRegion } from "./region.ts";
import { runningAmong } from "./running-among.ts";
import { loadSecrets, type StackSecrets } from "./secrets.ts";
import { lockState } from "./state-lock.ts";
import { readStackFile, removeStackFile, type StackFile, writeStackFile } from "./stack-file.ts";
import type { ProcessWatcher, SupervisedProcess } from "./supervised-process.ts";
import { waitUntilReady } from "./wait-until-ready.ts";

/** A large checkpoint is quantized on its first start. */
const regionReadyTimeoutMs = 600_000;
const edgeReadyTimeoutMs = 60_000;

export class LocalStack {
  readonly #config: StackConfig;
  readonly #progress: Progress;
  readonly #processes: SupervisedProcess[] = [];
  readonly #stopping = new AbortController();
  #migration: Promise<void> | undefined;
  #describe: (() => StackFile) | undefined;
  #fileWrites: Promise<void> = Promise.resolve();
  #unlock: (() => Promise<void>) | undefined;

  constructor(config: StackConfig, progress: Progress) {
    this.#config = config;
    this.#progress = progress;
  }

  /** Starts everything and resolves when the edge answers. On a throw the caller still has to `stop`. */
  async start(): Promise<StackFile> {
    const { stateDir, edgePort } = this.#config;
    await mkdir(path.join(stateDir, "logs"), { recursive: true }).catch((error: unknown) => {
      throw unusable(stateDir, error);
    });
    this.#unlock = await lockState(stateDir);
    await assertNothingLeft(stateDir);
    await assertPortFree(edgePort, "SLUICE_PORT");
    const secrets = await loadSecrets(stateDir);
    const model = await resolveModel(this.#config.model, stateDir, this.#progress, this.#config.hubUrl);
    this.#progress.done(`model ${model.name}`);

    this.#migration = applyMigrations(stateDir, this.#stopping.signal);
    const [regions] = await Promise.all([this.#startRegions(model, secrets), this.#migration]);
    const edge = this.#track(await startEdge(regions, this.#config, secrets, this.#watcher));
    await Promise.all([this.#awaitRegions(regions), this.#awaitEdge(edge)]);
    for (const child of this.#processes) child.keep();

    const edgeUrl = `http://127.0.0.1:${edgePort}`;
    const apiKey = await obtainDemoKey(stateDir, edgeUrl, secrets.adminKey);
    const demoIssuer = await obtainDemoIssuer(stateDir, edgeUrl, secrets.adminKey);
    this.#describe = () => ({
      baseUrl: `${edgeUrl}/v1`,
      apiKey,
      adminUrl: `${edgeUrl}/v1/organization`,
      adminKey: secrets.adminKey,
      demoIssuer,
      model: this.#config.modelId ?? model.name,
      regions: regions.map((region) => ({
        id: region.site.id,
        ingressUrl: region.ingressUrl,
        pids: [region.ingress.pid, region.engine.pid],
        metricsUrl: region.engineMetricsUrl,
        ingressMetricsUrl: region.ingressMetricsUrl,
      })),
      edgePid: edge.pid,
      supervisorPid: process.pid,
    });
    await writeStackFile(stateDir, this.#describe());
    return this.#describe();
  }

  /** Stops every process and removes stack.json. Safe at any moment, also during `start`. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error("The stack is stopping."));
    await Promise.all(this.#processes.map((child) => child.stop()));
    await Promise.allSettled([this.#migration]); // Whoever started it is told how it went.
    await this.#fileWrites;
    if (this.#describe !== undefined) await removeStackFile(this.#config.stateDir);
    await this.#unlock?.();
  }

  async #startRegions(model: LocalModel, secrets: StackSecrets): Promise<LocalRegion[]> {
    const regions = await Promise.all(
      localSites.map((site) => startRegion(site, model, this.#config, secrets, this.#watcher)),
    );
    for (const region of regions) {
      this.#track(region.engine);
      this.#track(region.ingress);
    }
    return regions;
  }

  async #awaitRegions(regions: readonly LocalRegion[]): Promise<void> {
    for (const { site, ingress, engine, ingressUrl } of regions) {
      this.#progress.update(`region ${site.id} loads its model`);
      await waitUntilReady(`${ingressUrl}/health`, [ingress, engine], regionReadyTimeoutMs, this.#stopping.signal);
      this.#progress.done(`region ${site.id}`);
    }
  }

  async #awaitEdge(edge: SupervisedProcess): Promise<void> {
    const { edgePort, stateDir } = this.#config;
    const url = `http://127.0.0.1:${edgePort}/health`;
    await waitUntilReady(url, [edge], edgeReadyTimeoutMs, this.#stopping.signal).catch((cause: Error) => {
      throw cause.message.includes("SQLITE_")
        ? new Error(`${cause.message}\n${remedyForDamage(stateDir)}`, { cause })
        : cause;
    });
    this.#progress.done("edge");
  }

  #track(child: SupervisedProcess): SupervisedProcess {
    this.#processes.push(child);
    return child;
  }

  readonly #watcher: ProcessWatcher = {
    tell: (text) => this.#progress.done(text),
    // It has a new pid; stack.json follows, one write after the other.
    restarted: () => {
      const describe = this.#describe;
      if (describe === undefined) return;
      this.#fileWrites = this.#fileWrites.then(() => this.#rewrite(describe()));
    },
  };

  async #rewrite(stack: StackFile): Promise<void> {
    await writeStackFile(this.#config.stateDir, stack).catch((error: Error) =>
      this.#watcher.tell(`stack.json still names processes that ended: ${error.message}`),
    );
  }
}

async function assertNothingLeft(stateDir: string): Promise<void> {
  const stack = await readStackFile(stateDir);
  if (stack === undefined) return;
  const left = await runningAmong([stack.supervisorPid, stack.edgePid, ...stack.regions.flatMap(({ pids }) => pids)]);
  if (left.length > 0) {
    throw new Error(`The last stack was killed and left processes behind. End them first: kill ${left.join(" ")}`);
  }
}

function unusable(stateDir: string, cause: unknown): Error {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`${stateDir} cannot be written: ${reason}. Name another directory: SLUICE_STATE=… npm start`, {
    cause,
  });
}
