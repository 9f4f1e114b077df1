// For tests and benches, which have one thread.
import type { GrammarId } from "./compiled-grammar.ts";
import { GrammarArena } from "./grammar-arena.ts";
import { GrammarCompiler } from "./grammar-compiler.ts";
import { Grammars } from "./grammars.ts";
import type { SequenceGrammar } from "./sequence-grammar.ts";

const limits = { arenaBytes: 64 * 1024 * 1024, maxGrammarBytes: 16 * 1024 * 1024 };

/** Grammars that are compiled in the thread that uses them. Not more than a few tens of them are to be open at once. */
export class LocalGrammars {
  /** For the engine. */
  readonly grammars: Grammars;
  readonly #compiler: GrammarCompiler;
  readonly #arena = new GrammarArena(limits, (id) => this.grammars.drop(id));

  static async create(tokenBytes: readonly Uint8Array[]): Promise<LocalGrammars> {
    const options = { tokenBytes, ...limits };
    return new LocalGrammars(await Grammars.create(options), await GrammarCompiler.create(options));
  }

  private constructor(grammars: Grammars, compiler: GrammarCompiler) {
    this.grammars = grammars;
    this.#compiler = compiler;
  }

  /** The id of a grammar that is installed now. @throws when it is malformed; nothing more can then be compiled. */
  compile(ebnf: string): GrammarId {
    const known = this.#arena.use(ebnf);
    if (known !== undefined) {
      this.#arena.release(ebnf);
      return known;
    }
    const offset = this.#arena.findRoom();
    if (offset === undefined) throw new Error("the arena is full");
    const compiled = this.#compiler.compile(ebnf, offset);
    if (compiled === undefined) throw new Error("the grammar is too large");
    const id = this.#arena.place(ebnf, offset, compiled.bytes.length);
    this.grammars.install(id, compiled);
    return id;
  }

  open(ebnf: string): SequenceGrammar {
    return this.grammars.open(this.compile(ebnf));
  }
}
