import { setTimeout as sleep } from "node:timers/promises";
import type {
  EmbedRequest,
  EmbedResponse,
  GenerateRequest,
  GenerateResponse,
  GetModelResponse,
} from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import type { EngineStatus } from "@sluice/shared/region-status.ts";
import type { Clock } from "#platform/clock.ts";
import type { Logger } from "#platform/logger.ts";
import { type CallLimits, EngineClient } from "./engine-client.ts";
import { EngineSignals, type LastReport, lostAfterMs } from "./engine-signals.ts";
import type { EngineView } from "./expected-time.ts";
import type { PromptBlocks } from "./prompt-blocks.ts";

const firstRetryMs = 100;
const lastRetryMs = 2_000;

/** What every engine of a region is made with. */
export interface EngineParts {
  /** The model whose tokens will be sent; an engine that serves another one is never used. */
  readonly modelId: string;
  /** How many of an engine's cached blocks are remembered; 0 is off. */
  readonly maxKnownBlocks: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/**
 * One engine as the region sees it: its model, its load, and whether it serves. It keeps a Watch stream open for as long
 * as it lives, so an engine that comes back after its death is found again without being asked for.
 */
export class Engine {
  readonly address: string;
  readonly #parts: EngineParts;
  readonly #logger: Logger;
  readonly #client: EngineClient;
  readonly #signals: EngineSignals;
  readonly #stopping = new AbortController();
  readonly #maxSilenceMs: number;
  #numCalls = 0;
  /** Why it was last not there: said once, not at every try. */
  #trouble: string | undefined;

  /** @param maxSilenceMs after it a Watch that hangs is opened anew. */
  constructor(address: string, parts: EngineParts, maxSilenceMs = lostAfterMs) {
    this.address = address;
    this.#maxSilenceMs = maxSilenceMs;
    this.#parts = parts;
    this.#logger = parts.logger.child({ engine: address });
    this.#client = new EngineClient(address);
    this.#signals = new EngineSignals(address, parts.maxKnownBlocks);
  }

  /** True when a request sent now would be expected to run. */
  get isServing(): boolean {
    return this.#signals.isServing(this.#nowMs());
  }

  /** Undefined while the engine has not been reached. */
  get model(): GetModelResponse | undefined {
    return this.#signals.model;
  }

  /** Absent while the engine is not there. */
  get report(): LastReport | undefined {
    return this.#signals.report;
  }

  /** For whoever runs the house. */
  get status(): EngineStatus {
    const { address, model, report } = this;
    const {
      numRunning = 0,
      numWaiting = 0,
      numQueuedTokens = 0,
      numFreeBlocks = 0,
      numBlocks = 0,
    } = report?.load ?? {};
    const status = this.isServing ? "ok" : report?.load.draining === true ? "draining" : "down";
    const kvCacheUsage = numBlocks === 0 ? 0 : 1 - numFreeBlocks / numBlocks;
    return { id: model?.engineId ?? address, address, status, numRunning, numWaiting, numQueuedTokens, kvCacheUsage };
  }

  /** How many blocks its prefix cache is known to hold. */
  get numKnownBlocks(): number {
    return this.#signals.numKnownBlocks;
  }

  /** How the engine looks to a prompt; absent while it is not there. */
  view(prompt: PromptBlocks): EngineView | undefined {
    return this.#signals.view(prompt, this.#nowMs());
  }

  /** See `EngineClient.generate`. `prompt` is the request's. */
  generate(
    request: GenerateRequest,
    prompt: PromptBlocks,
    limits: CallLimits,
  ): AsyncGenerator<readonly GenerateResponse[]> {
    return this.#watchCall(prompt, this.#client.generate(request, limits));
  }

  /** See `EngineClient.embed`; one answer, as soon as it is there. `prompt` is the request's. */
  embed(request: EmbedRequest, prompt: PromptBlocks, limits: CallLimits): AsyncGenerator<EmbedResponse> {
    const client = this.#client;
    const call = async function* () {
      yield await client.embed(request, limits);
    };
    return this.#watchCall(prompt, call());
  }

  async *#watchCall<T>(prompt: PromptBlocks, call: AsyncIterable<T>): AsyncGenerator<Awaited<T>> {
    const sent = this.#signals.send(prompt, this.#nowMs());
    let hasStarted = false;
    this.#numCalls += 1;
    try {
      for await (const answer of call) {
        hasStarted = true;
        this.#signals.settle(sent);
        yield answer;
      }
    } finally {
      if (!hasStarted) this.#signals.fail(sent);
      this.#numCalls -= 1;
      if (this.#stopping.signal.aborted) this.#closeIfIdle();
    }
  }

  /** See `EngineClient.abortChoices`. */
  abortChoices(requestId: string, indexes: readonly number[]): void {
    this.#client.abortChoices(requestId, indexes);
  }

  /** Follows the engine until `close`. Never rejects. */
  async follow(): Promise<void> {
    const { signal } = this.#stopping;
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      try {
        this.#signals.beginWatch();
        const cacheEvents = this.#parts.maxKnownBlocks > 0;
        for await (const load of this.#client.watch(cacheEvents, this.#maxSilenceMs, signal)) {
          if (this.#signals.model === undefined) this.#signals.introduce(await this.#fetchModel());
          retryMs = firstRetryMs;
          if (this.#signals.noteReport(load, this.#nowMs())) continue;
          this.#logger.warn("cache events were missed: watching anew");
          break;
        }
      } catch (error) {
        this.#lose(error);
      }
      // Between half and the whole of the delay, so that many ingresses do not return at once.
      await sleep(retryMs * (0.5 + this.#parts.random() / 2), undefined, { signal }).catch(() => undefined);
      retryMs = Math.min(2 * retryMs, lastRetryMs);
    }
  }

  /** Follows it no more; the connection is closed once the calls that run have ended. */
  close(): void {
    this.#stopping.abort(new Error("closing"));
    this.#closeIfIdle();
  }

  #closeIfIdle(): void {
    if (this.#numCalls === 0) this.#client.close();
  }

  async #fetchModel(): Promise<GetModelResponse> {
    const model = await this.#client.getModel();
    if (model.modelId !== this.#parts.modelId) {
      throw new Error(`the engine serves model ${model.modelId}, not ${this.#parts.modelId}`);
    }
    this.#trouble = undefined;
    this.#logger.info({ model: model.modelId, maxModelLen: model.maxModelLen }, "engine found");
    return model;
  }

  #lose(error: unknown): void {
    this.#signals.lose();
    const trouble = error instanceof Error ? error.message : String(error);
    if (trouble === this.#trouble || this.#stopping.signal.aborted) return;
    this.#trouble = trouble;
    this.#logger.warn({ trouble }, "engine not there");
  }

  #nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }
}
