import { AppError, type ErrorCode } from "@sluice/shared/errors.ts";
import type {
  EmbedRequest,
  EmbedResponse,
  GenerateRequest,
  GenerateResponse,
} from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { chooseEngine, type PickReason } from "./choose-engine.ts";
import type { Engine } from "./engine.ts";
import type { CallLimits } from "./engine-client.ts";
import { fromEngineError, isElsewhere } from "./engine-error.ts";
import { expectedMs } from "./expected-time.ts";
import { PromptBlocks } from "./prompt-blocks.ts";

/** Messages of one request that were ready together, and who sent them. */
export interface EngineBatch {
  readonly engine: string;
  readonly responses: readonly GenerateResponse[];
  /** Ends choices of the request in the engine; the others go on. */
  readonly abortChoices: (indexes: readonly number[]) => void;
}

/** What the region can do at the moment. */
export interface PoolLoad {
  /** Sums over the engines that serve. */
  readonly numRunning: number;
  readonly numWaiting: number;
  readonly numQueuedTokens: number;
  /** How long a prompt would wait before it is computed; absent while nobody can say. */
  readonly queueDelayMs?: number;
}

/** The shortest prompt: what it waits for is others. */
const emptyPrompt = new PromptBlocks({ promptTokenIds: [], cacheSalt: "", logprobs: undefined });

/** The region's engines; all serve the same model. Which they are may change at any time. */
export class EnginePool {
  readonly #createEngine: (address: string) => Engine;
  readonly #random: () => number;
  // address -> engine
  readonly #engines = new Map<string, Engine>();
  #onPick: (reason: PickReason) => void = () => {};

  constructor(createEngine: (address: string) => Engine, random: () => number) {
    this.#createEngine = createEngine;
    this.#random = random;
  }

  get engines(): readonly Engine[] {
    return [...this.#engines.values()];
  }

  /** Follows these engines and no others from now on. One that leaves gets no new requests; those it has go on. */
  setAddresses(addresses: readonly string[]): void {
    for (const [address, engine] of this.#engines) {
      if (addresses.includes(address)) continue;
      this.#engines.delete(address);
      engine.close();
    }
    for (const address of addresses) {
      if (this.#engines.has(address)) continue;
      const engine = this.#createEngine(address);
      this.#engines.set(address, engine);
      void engine.follow();
    }
  }

  /** Tells of every choice. There is one listener. */
  onPick(listener: (reason: PickReason) => void): void {
    this.#onPick = listener;
  }

  get isServing(): boolean {
    return this.#serving().length > 0;
  }

  /** The longest sequence that every serving engine takes. Throws `unavailable` when none serves. */
  get maxModelLen(): number {
    const lengths = this.#serving().map(({ model }) => model?.maxModelLen ?? 0);
    if (lengths.length === 0) throw noEngine();
    return Math.min(...lengths);
  }

  /** Numbers of an embedding; 0 when not every serving engine gives them. Throws `unavailable` when none serves. */
  get embeddingSize(): number {
    const sizes = this.#serving().map(({ model }) => model?.embeddingSize ?? 0);
    if (sizes.length === 0) throw noEngine();
    return Math.min(...sizes);
  }

  get load(): PoolLoad {
    const loads = this.#serving().flatMap(({ report }) => report?.load ?? []);
    const sum = (pick: (load: PoolLoad) => number): number => loads.reduce((total, load) => total + pick(load), 0);
    const delaysMs = this.#candidates(emptyPrompt, new Set()).flatMap(({ view }) => {
      const { prefillMsPerToken } = view.pace;
      return prefillMsPerToken === undefined ? [] : expectedMs(view, prefillMsPerToken);
    });
    return {
      numRunning: sum((load) => load.numRunning),
      numWaiting: sum((load) => load.numWaiting),
      numQueuedTokens: sum((load) => load.numQueuedTokens),
      ...(delaysMs.length > 0 && { queueDelayMs: Math.min(...delaysMs) }),
    };
  }

  /**
   * Runs one request on the engine that is expected to begin answering first (choose-engine.ts). An engine that is full,
   * draining or gone before its first message passes the request on; each is asked at most once. After the first message
   * nothing is ever repeated.
   * Throws AppErrors: `server_is_overloaded` when an engine was full, `unavailable` when none was there, `upstream_error` when the
   * engine was lost in the middle; and the signal's reason when that was aborted.
   */
  async *generate(request: GenerateRequest, limits: CallLimits): AsyncGenerator<EngineBatch> {
    const prompt = new PromptBlocks(request);
    const start = (engine: Engine) => engine.generate(request, prompt, limits);
    for await (const [engine, responses] of this.#askInTurn(prompt, start, limits)) {
      const abortChoices = (indexes: readonly number[]): void => engine.abortChoices(request.requestId, indexes);
      yield { engine: engine.address, responses, abortChoices };
    }
  }

  /** One sequence's vector. An engine that cannot give it, for whatever passing reason, passes the request on, as in `generate`. */
  async embed(request: EmbedRequest, limits: CallLimits): Promise<EmbedResponse> {
    const { tokenIds: promptTokenIds, cacheSalt } = request;
    const prompt = new PromptBlocks({ promptTokenIds, cacheSalt });
    const start = (engine: Engine) => engine.embed(request, prompt, limits);
    for await (const [, response] of this.#askInTurn(prompt, start, limits)) return response;
    throw new AppError("internal_error", { detail: "an engine gave no embedding" });
  }

  /** What the first engine gives that takes the prompt, with the engine. */
  async *#askInTurn<T>(
    prompt: PromptBlocks,
    start: (engine: Engine) => AsyncIterable<T>,
    limits: CallLimits,
  ): AsyncGenerator<[Engine, T]> {
    const asked = new Set<Engine>();
    let refusal: AppError | undefined;
    for (;;) {
      const pick = chooseEngine(this.#candidates(prompt, asked), this.#random);
      if (pick === undefined) throw refusal ?? noEngine();
      const { engine } = pick.candidate;
      asked.add(engine);
      this.#onPick(pick.reason);
      let hasStarted = false;
      try {
        for await (const answer of start(engine)) {
          hasStarted = true;
          yield [engine, answer];
        }
        return;
      } catch (thrown) {
        if (limits.signal.aborted) throw limits.signal.reason;
        const error = fromEngineError(thrown);
        if (hasStarted) throw isElsewhere(error) ? lostEngine(engine, error) : error;
        if (!isElsewhere(error)) throw error;
        refusal = refusal === undefined ? error : sayMore(refusal, error);
      }
    }
  }

  close(): void {
    this.setAddresses([]);
  }

  #candidates(prompt: PromptBlocks, asked: ReadonlySet<Engine>) {
    return this.#serving().flatMap((engine) => {
      const view = asked.has(engine) ? undefined : engine.view(prompt);
      return view === undefined ? [] : [{ engine, view }];
    });
  }

  #serving(): Engine[] {
    return this.engines.filter((engine) => engine.isServing);
  }
}

/** What says most of the caller's own doing comes first. */
const tellingness: readonly ErrorCode[] = ["rate_limit_exceeded", "server_is_overloaded", "unavailable"];

/** A full engine says more than a missing one, and of full ones the one that has room first. */
function sayMore(one: AppError, other: AppError): AppError {
  if (one.code !== other.code) return tellingness.indexOf(one.code) < tellingness.indexOf(other.code) ? one : other;
  return (other.retryAfterMs ?? Infinity) < (one.retryAfterMs ?? Infinity) ? other : one;
}

function noEngine(): AppError {
  return new AppError("unavailable", { detail: "no engine serves", retryAfterMs: 1000 });
}

function lostEngine(engine: Engine, cause: AppError): AppError {
  return new AppError("upstream_error", { detail: `engine ${engine.address} was lost`, cause });
}
