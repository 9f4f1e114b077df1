import { AppError } from "@sluice/shared/errors.ts";
import type { GenerateRequest, GenerateResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";
import { chooseEngine } from "./choose-engine.ts";
import type { Engine } from "./engine.ts";
import type { CallLimits } from "./engine-client.ts";
import { fromEngineError, isElsewhere } from "./engine-error.ts";

/** Messages of one sequence that were ready together, and who sent them. */
export interface EngineBatch {
  readonly engine: string;
  readonly responses: readonly GenerateResponse[];
}

/** Sums over the engines that serve. */
export interface PoolLoad {
  readonly numRunning: number;
  readonly numWaiting: number;
  readonly numQueuedTokens: number;
}

/** The region's engines; all serve the same model. */
export class EnginePool {
  readonly engines: readonly Engine[];

  constructor(engines: readonly Engine[]) {
    this.engines = engines;
  }

  get isServing(): boolean {
    return this.engines.some((engine) => engine.isServing);
  }

  /** The longest sequence that every serving engine takes. Throws `unavailable` when none serves. */
  get maxModelLen(): number {
    const lengths = this.#serving().map((engine) => engine.maxModelLen ?? 0);
    if (lengths.length === 0) throw noEngine();
    return Math.min(...lengths);
  }

  get load(): PoolLoad {
    const loads = this.#serving().map((engine) => engine.load);
    const sum = (pick: (load: PoolLoad) => number): number => loads.reduce((total, load) => total + pick(load), 0);
    return {
      numRunning: sum((load) => load.numRunning),
      numWaiting: sum((load) => load.numWaiting),
      numQueuedTokens: sum((load) => load.numQueuedTokens),
    };
  }

  /**
   * Runs one sequence on the engine with the least work ahead. An engine that is full, draining or gone before its first
   * message passes the request on; each is asked at most once. After the first message nothing is ever repeated.
   * Throws AppErrors: `overloaded` when an engine was full, `unavailable` when none was there, `upstream_error` when the
   * engine was lost in the middle; and the signal's reason when that was aborted.
   */
  async *generate(request: GenerateRequest, limits: CallLimits): AsyncGenerator<EngineBatch> {
    const asked = new Set<Engine>();
    let refusal: AppError | undefined;
    for (;;) {
      const engine = chooseEngine(this.#serving().filter((candidate) => !asked.has(candidate)));
      if (engine === undefined) throw refusal ?? noEngine();
      asked.add(engine);
      let hasStarted = false;
      try {
        for await (const responses of engine.generate(request, limits)) {
          hasStarted = true;
          yield { engine: engine.address, responses };
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
    for (const engine of this.engines) engine.close();
  }

  #serving(): Engine[] {
    return this.engines.filter((engine) => engine.isServing);
  }
}

/** A full engine says more than a missing one, and of full ones the one that has room first. */
function sayMore(one: AppError, other: AppError): AppError {
  if (one.code !== other.code) return one.code === "overloaded" ? one : other;
  return (other.retryAfterMs ?? Infinity) < (one.retryAfterMs ?? Infinity) ? other : one;
}

function noEngine(): AppError {
  return new AppError("unavailable", { detail: "no engine serves", retryAfterMs: 1000 });
}

function lostEngine(engine: Engine, cause: AppError): AppError {
  return new AppError("upstream_error", { detail: `engine ${engine.address} was lost`, cause });
}
