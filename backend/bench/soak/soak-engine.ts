import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { WatchResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { systemClock } from "#platform/clock.ts";
import { createLogger } from "#platform/logger.ts";
import { Engine } from "#ingress/engines/engine.ts";
import { EnginePool } from "#ingress/engines/engine-pool.ts";
import type { BenchChild } from "../contenders/child-process.ts";
import { startEngineProcess } from "../contenders/engine-process.ts";

const reportHeap = new URL("report-heap.ts", import.meta.url).href;
const root = fileURLToPath(new URL("../../..", import.meta.url));

export const modelDir = `${root}models/pocket`;
export const modelId = "pocket";

/** An engine's process, and a region's view of it. */
export class SoakEngine {
  readonly pool: EnginePool;
  readonly child: BenchChild;
  readonly #watched: AsyncIterable<WatchResponse>;
  readonly #done: AbortController;
  readonly #stop: () => Promise<void>;
  readonly #changes = new EventTarget();
  #load: WatchResponse | undefined;
  /** Why there are no more reports. */
  #trouble: unknown;

  private constructor(
    pool: EnginePool,
    child: BenchChild,
    watched: AsyncIterable<WatchResponse>,
    done: AbortController,
    stop: () => Promise<void>,
  ) {
    this.pool = pool;
    this.child = child;
    this.#watched = watched;
    this.#done = done;
    this.#stop = stop;
    void this.#follow();
  }

  /** @param settings environment variables beside the model's. */
  static async start(settings: Readonly<Record<string, string>>): Promise<SoakEngine> {
    const env = {
      SLUICE_MODEL_DIR: modelDir,
      SLUICE_MODEL_ID: modelId,
      SLUICE_CACHE_DIR: `${root}.sluice/cache`,
      SLUICE_LOG_LEVEL: "info",
      ...settings,
    };
    const { child, client, address, stop } = await startEngineProcess(env, ["--expose-gc", "--import", reportHeap]);
    const parts = {
      modelId,
      maxKnownBlocks: 0,
      clock: systemClock,
      random: () => 0.5,
      logger: createLogger("soak", "silent"),
    };
    const pool = new EnginePool((each) => new Engine(each, parts), parts.random);
    pool.setAddresses([address]);
    const done = new AbortController();
    const engine = new SoakEngine(pool, child, client.watch(false, 60_000, done.signal), done, stop);
    await engine.until(() => pool.isServing);
    return engine;
  }

  /** The last report; undefined before the first. */
  get load(): WatchResponse | undefined {
    return this.#load;
  }

  /** Settles when the engine's reports fulfil the condition. Rejects when there are no more reports. */
  async until(holds: (load: WatchResponse) => boolean): Promise<void> {
    while (this.#load === undefined || !holds(this.#load)) {
      if (this.#trouble !== undefined) throw this.#trouble;
      await once(this.#changes, "change");
    }
  }

  async stop(): Promise<void> {
    this.#done.abort(new Error("done"));
    this.pool.close();
    await this.#stop();
  }

  async #follow(): Promise<void> {
    try {
      for await (const load of this.#watched) {
        this.#load = load;
        this.#changes.dispatchEvent(new Event("change"));
      }
    } catch (error) {
      this.#trouble = error;
      this.#changes.dispatchEvent(new Event("change"));
    }
  }
}
