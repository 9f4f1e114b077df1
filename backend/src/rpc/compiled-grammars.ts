import { AppError } from "@sluice/shared/errors.ts";
import type { EngineClient } from "#engine/engine-client.ts";
import type { GrammarId } from "#engine/grammar/compiled-grammar.ts";
import { GrammarArena, type GrammarArenaLimits } from "#engine/grammar/grammar-arena.ts";
import { sha256 } from "#platform/sha256.ts";
import type { GrammarCompiling } from "./grammar-compiler-thread.ts";
import { RefusedGrammars } from "./refused-grammars.ts";

export interface CompiledGrammarsOptions {
  /** Of a grammar's text. */
  readonly maxTextBytes: number;
  readonly arena: GrammarArenaLimits;
  readonly compiler: GrammarCompiling;
  readonly client: Pick<EngineClient, "model" | "installGrammar" | "dropGrammar">;
}

/** A grammar that the engine has. It stays there until this is released. */
export interface GrammarLease {
  readonly id: GrammarId;
  /** Once, after the engine was told of the end of whatever follows the grammar. */
  release(): void;
}

/** Grammars waiting for the compiler; each may take the whole time limit. */
const MAX_WAITING = 16;
/** When it is worth while to ask again, if too many wait or all room is in use. */
const RETRY_AFTER_MS = 1_000;

/** A grammar that is being compiled, and how many ask for it. */
interface Pending {
  readonly compiled: Promise<GrammarId>;
  numAsking: number;
}

/**
 * What the engine's grammars are: has new ones compiled beside it, one at a time and each once however many ask for it, puts them
 * into the engine's arena, and takes out what is not used when room is needed. Grammars that were refused are refused again
 * without a try, as long as they are remembered; that one took too long is not remembered: the machine may have been busy.
 */
export class CompiledGrammars {
  readonly #options: CompiledGrammarsOptions;
  readonly #arena: GrammarArena;
  readonly #refused = new RefusedGrammars();
  /** key -> what becomes of it */
  readonly #pending = new Map<string, Pending>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: CompiledGrammarsOptions) {
    this.#options = options;
    this.#arena = new GrammarArena(options.arena, (id) => options.client.dropGrammar(id));
  }

  /** Grammars that some lease holds. */
  get numLeased(): number {
    return this.#arena.numUsed;
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
   * @throws AppError `invalid_grammar`; `server_is_overloaded` when too many wait, or those in use leave no room; `unavailable` while the
   *   model is not loaded.
   */
  async compile(ebnf: string): Promise<GrammarLease> {
    const found = this.find(ebnf);
    if (found !== undefined) return found;
    const key = keyOf(ebnf);
    const pending = this.#pending.get(key) ?? this.#enqueue(ebnf, key);
    pending.numAsking += 1;
    return this.#lease(key, await pending.compiled);
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
    };
    return { id, release };
  }

  #enqueue(ebnf: string, key: string): Pending {
    if (this.#pending.size >= MAX_WAITING) {
      throw new AppError("server_is_overloaded", {
        detail: "too many grammars wait to be compiled",
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    const compiled = this.#last.then(() => this.#compile(ebnf, key)).finally(() => this.#pending.delete(key));
    const pending = { compiled, numAsking: 0 };
    this.#pending.set(key, pending);
    this.#last = compiled.catch(() => {}); // Whoever asked for it is told.
    return pending;
  }

  /** Used by all who asked by then, before another grammar can want its place. */
  async #compile(ebnf: string, key: string): Promise<GrammarId> {
    const { compiler, client } = this.#options;
    if (client.model === undefined) throw new AppError("unavailable", { detail: "the model is not loaded" });
    const offset = this.#arena.findRoom();
    if (offset === undefined) {
      throw new AppError("server_is_overloaded", {
        detail: "grammars in use leave no room",
        retryAfterMs: RETRY_AFTER_MS,
      });
    }
    const compilation = await compiler.compile({ ebnf, offset }, client.model.spec.vocabSize);
    if (compilation.kind !== "compiled") {
      if (compilation.kind === "fault") this.#refused.add(key, compilation.detail);
      throw new AppError("invalid_grammar", { detail: compilation.detail });
    }
    const { compiled } = compilation;
    const id = this.#arena.place(key, offset, compiled.bytes.length);
    client.installGrammar(id, compiled);
    for (let asking = this.#pending.get(key)?.numAsking ?? 0; asking > 0; asking -= 1) this.#arena.use(key);
    return id;
  }
}

/** Texts may be long, and many. */
function keyOf(ebnf: string): string {
  return sha256(Buffer.from(ebnf));
}
