import { setTimeout as sleep } from "node:timers/promises";
import type {
  GenerateRequest,
  GenerateResponse,
  GetModelResponse,
  WatchResponse,
} from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { Clock } from "#platform/clock.ts";
import type { Logger } from "#platform/logger.ts";
import type { EngineLoad } from "./choose-engine.ts";
import { type CallLimits, EngineClient } from "./engine-client.ts";

/** An engine reports at least once a second; one that missed several reports is not to be relied on. */
const staleAfterMs = 5_000;
const firstRetryMs = 100;
const lastRetryMs = 2_000;

interface Report {
  readonly load: WatchResponse;
  readonly atMs: number;
}

/**
 * One engine as the region sees it: its model, its load, and whether it serves. It keeps a Watch stream open for as long
 * as it lives, so an engine that comes back after its death is found again without being asked for.
 */
export class Engine {
  readonly address: string;
  readonly #modelId: string;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #logger: Logger;
  readonly #client: EngineClient;
  readonly #stopping = new AbortController();
  #model: GetModelResponse | undefined;
  #report: Report | undefined;
  #numSent = 0;
  #numSentTokens = 0;
  /** Why it was last not there: said once, not at every try. */
  #trouble: string | undefined;

  /** `modelId` is the model whose tokens will be sent; an engine that serves another one is never used. */
  constructor(address: string, modelId: string, clock: Clock, random: () => number, logger: Logger) {
    this.address = address;
    this.#modelId = modelId;
    this.#clock = clock;
    this.#random = random;
    this.#logger = logger.child({ engine: address });
    this.#client = new EngineClient(address);
  }

  /** True when a request sent now would be expected to run. */
  get isServing(): boolean {
    if (this.#model === undefined || this.#report === undefined || this.#report.load.draining) return false;
    return this.#clock.monotonicMs() - this.#report.atMs < staleAfterMs;
  }

  /** Prompt plus output, in tokens; undefined while the engine has not been reached. */
  get maxModelLen(): number | undefined {
    return this.#model?.maxModelLen;
  }

  /** The last report, plus what was sent since. All zero before the first. */
  get load(): EngineLoad {
    const { numRunning = 0, numWaiting = 0, numQueuedTokens = 0 } = this.#report?.load ?? {};
    return { numRunning, numWaiting, numQueuedTokens, numSent: this.#numSent, numSentTokens: this.#numSentTokens };
  }

  /** See `EngineClient.generate`. */
  generate(request: GenerateRequest, limits: CallLimits): AsyncGenerator<readonly GenerateResponse[]> {
    this.#numSent++;
    this.#numSentTokens += request.promptTokenIds.length;
    return this.#client.generate(request, limits);
  }

  /** Follows the engine until `close`. Never rejects. */
  async follow(): Promise<void> {
    const { signal } = this.#stopping;
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      try {
        for await (const load of this.#client.watch(signal)) {
          this.#model ??= await this.#fetchModel();
          this.#report = { load, atMs: this.#clock.monotonicMs() };
          this.#numSent = 0;
          this.#numSentTokens = 0;
          retryMs = firstRetryMs;
        }
      } catch (error) {
        this.#lose(error);
      }
      // Between half and the whole of the delay, so that many ingresses do not return at once.
      await sleep(retryMs * (0.5 + this.#random() / 2), undefined, { signal }).catch(() => undefined);
      retryMs = Math.min(2 * retryMs, lastRetryMs);
    }
  }

  close(): void {
    this.#stopping.abort(new Error("closing"));
    this.#client.close();
  }

  async #fetchModel(): Promise<GetModelResponse> {
    const model = await this.#client.getModel();
    if (model.modelId !== this.#modelId) {
      throw new Error(`the engine serves model ${model.modelId}, not ${this.#modelId}`);
    }
    this.#trouble = undefined;
    this.#logger.info({ model: model.modelId, maxModelLen: model.maxModelLen }, "engine found");
    return model;
  }

  #lose(error: unknown): void {
    this.#model = undefined;
    this.#report = undefined;
    const trouble = error instanceof Error ? error.message : String(error);
    if (trouble === this.#trouble || this.#stopping.signal.aborted) return;
    this.#trouble = trouble;
    this.#logger.warn({ trouble }, "engine not there");
  }
}
