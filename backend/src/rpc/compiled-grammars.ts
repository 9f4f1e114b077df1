import { AppError } from "@sluice/shared/errors.ts";
import type { EngineClient } from "#engine/engine-client.ts";
import type { GrammarId } from "#engine/grammar/compiled-grammar.ts";
import { GrammarArena, type GrammarArenaLimits } from "#engine/grammar/grammar-arena.ts";
import type { Clock } from "#platform/clock.ts";
import { sha256 } from "#platform/sha256.ts";
import { CompileQueue, type QueuedGrammar } from "./compile-queue.ts";
import type { Compilation, GrammarCompiling } from "./grammar-compiler-thread.ts";
import { RefusedGrammars } from "./refused-grammars.ts";

export interface CompiledGrammarsOptions {
  /** Of a grammar's text. */
  readonly maxTextBytes: number;
  readonly arena: GrammarArenaLimits;
  readonly compiler: GrammarCompiling;
  readonly client: Pick<EngineClient, "model" | "installGrammar" | "dropGrammar">;
  readonly clock: Clock;
  readonly observer?: GrammarObserver;
}

/** Is told of grammars. */
export interface GrammarObserver {
  /** One had its turn, which took so long. */
  noteCompiled(outcome: Compilation["kind"], durationMs: number): void;
}

/** A grammar that the engine has. It stays there until this is released. */
export interface GrammarLease {
  readonly id: GrammarId;
  /** Once, after the engine was told of the end of whatever follows the grammar. */
  release(): void;
}

/** Who wants a grammar. */
export interface GrammarAsker {
  readonly tenant: string;
  readonly priority: number;
  /** Aborted when it is not wanted any more. */
  readonly signal: AbortSignal;
}

/** Grammars waiting for the compiler; each may take the whole time limit. */
const MAX_WAITING = 32;
/** When it is worth while to ask again, if too many wait. */
const RETRY_AFTER_MS = 1_000;

/** A grammar that waits or is being compiled, for all who ask for it. */
interface Pending extends QueuedGrammar {
  readonly key: string;
  readonly ebnf: string;
  readonly askers: Set<PromiseWithResolvers<GrammarLease>>;
}

/**
 * What the engine's grammars are: has new ones compiled beside it, one at a time and each once however many ask for it, puts them
 * into the engine's arena, and takes out what is not used when room is needed; while all of it is in use, new ones wait. Grammars that
 * were refused are refused again without a try, as long as they are remembered; that one took too long is not remembered: the machine
 * may have been busy.
 */
export class CompiledGrammars {
  readonly #options: CompiledGrammarsOptions;
  readonly #arena: GrammarArena;
  readonly #refused = new RefusedGrammars();
  /** key -> what becomes of it */
  readonly #pending = new Map<string, Pending>();
  readonly #queue = new CompileQueue<Pending>(MAX_WAITING);
  #isCompiling = false;
  /** Called when something was released, or is not wanted any more. */
  #onRelease = (): void => {};

  constructor(options: CompiledGrammarsOptions) {
    this.#options = options;
    this.#arena = new GrammarArena(options.arena, (id) => options.client.dropGrammar(id));
  }

  /** Grammars that some lease holds. */
  get numLeased(): number {
    return this.#arena.numUsed;
  }

  /** Grammars that wait to be compiled. */
  get numWaiting(): number {
    return this.#queue.size;
  }

  /** Grammars that the engine has. */
  get numKept(): number {
    return this.#arena.numPlaced;
  }

  /**
   * A lease without waiting; undefined when the grammar must be compiled first.
   *
   * @throws AppError `invalid_grammar` when the text is too long, or was refused before.
   */
  find(ebnf: string): GrammarLease | undefined {
    if (ebnf.length > this.#options.maxTextBytes) {
      throw new AppError("invalid_grammar", { detail: `a grammar of more than ${this.#options.maxTextBytes} bytes` });
    }
    const key = keyOf(ebnf);
    this.#refused.assertIsNot(key);
    const id = this.#arena.use(key);
    return id === undefined ? undefined : this.#lease(key, id);
  }

  /**
   * A lease, once the grammar is compiled.
   *
   * @throws AppError `invalid_grammar`; `server_is_overloaded` or `rate_limit_exceeded` when too many wait; `unavailable` while the
   *   model is not loaded; what the signal was aborted with.
   */
  async compile(ebnf: string, asker: GrammarAsker): Promise<GrammarLease> {
    const found = this.find(ebnf);
    if (found !== undefined) return found;
    const key = keyOf(ebnf);
    const lease = this.#join(this.#pending.get(key) ?? this.#enqueue(key, ebnf, asker), asker.signal);
    if (!this.#isCompiling) void this.#compileAll();
    return lease;
  }

  /** Ends the compiler. */
  async close(): Promise<void> {
    await this.#options.compiler.close();
  }

  #lease(key: string, id: GrammarId): GrammarLease {
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      this.#arena.release(key);
      this.#onRelease();
    };
    return { id, release };
  }

  /** Of one grammar there is no lease for those who left before it was compiled, and no try when all of them did. */
  #join(pending: Pending, signal: AbortSignal): Promise<GrammarLease> {
    const asker = Promise.withResolvers<GrammarLease>();
    pending.askers.add(asker);
    const leave = (): void => {
      if (!pending.askers.delete(asker)) return;
      asker.reject(signal.reason);
      if (pending.askers.size > 0) return;
      if (this.#queue.remove(pending)) this.#pending.delete(pending.key);
      this.#onRelease();
    };
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
    return asker.promise.finally(() => signal.removeEventListener("abort", leave));
  }

  #enqueue(key: string, ebnf: string, { tenant, priority }: GrammarAsker): Pending {
    const pending: Pending = { key, ebnf, tenant, priority, askers: new Set() };
    const answer = this.#queue.add(pending);
    if (answer.kind !== "room") throw tooMany(answer.kind === "full" ? "server_is_overloaded" : "rate_limit_exceeded");
    for (const displaced of answer.displaced) this.#settle(displaced, tooMany("rate_limit_exceeded"));
    this.#pending.set(key, pending);
    return pending;
  }

  async #compileAll(): Promise<void> {
    this.#isCompiling = true;
    for (let pending = this.#queue.take(); pending !== undefined; pending = this.#queue.take()) {
      try {
        this.#settle(pending, await this.#compile(pending));
      } catch (thrown) {
        this.#settle(pending, AppError.from(thrown));
      }
    }
    this.#isCompiling = false;
  }

  /** Everybody who asks gets a lease before another grammar can want the place. */
  #settle(pending: Pending, outcome: GrammarId | AppError): void {
    const { key, askers } = pending;
    if (this.#pending.get(key) === pending) this.#pending.delete(key);
    for (const asker of askers) {
      const id = outcome instanceof AppError ? undefined : this.#arena.use(key);
      if (id === undefined) asker.reject(outcome);
      else asker.resolve(this.#lease(key, id));
    }
    askers.clear();
  }

  async #compile({ key, ebnf, askers }: Pending): Promise<GrammarId> {
    const { compiler, client, clock, observer } = this.#options;
    if (client.model === undefined) throw new AppError("unavailable", { detail: "the model is not loaded" });
    let offset = this.#arena.findRoom();
    for (; offset === undefined; offset = this.#arena.findRoom()) {
      if (askers.size === 0) {
        this.#pending.delete(key);
        throw new AppError("request_cancelled");
      }
      await this.#untilReleased();
    }
    const startedMs = clock.monotonicMs();
    const compilation = await compiler.compile({ ebnf, offset }, client.model.spec.vocabSize);
    observer?.noteCompiled(compilation.kind, clock.monotonicMs() - startedMs);
    if (compilation.kind !== "compiled") {
      if (compilation.kind === "fault") this.#refused.add(key, compilation.detail);
      throw new AppError("invalid_grammar", { detail: compilation.detail });
    }
    const { compiled } = compilation;
    const id = this.#arena.place(key, offset, compiled.bytes.length);
    client.installGrammar(id, compiled);
    return id;
  }

  #untilReleased(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRelease = resolve;
    });
  }
}

function tooMany(code: "server_is_overloaded" | "rate_limit_exceeded"): AppError {
  return new AppError(code, { detail: "too many grammars wait to be compiled", retryAfterMs: RETRY_AFTER_MS });
}

/** Texts may be long, and many. */
function keyOf(ebnf: string): string {
  return sha256(Buffer.from(ebnf));
}
