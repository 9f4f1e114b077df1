import { type Handle, loadXGrammar, type XGrammar } from "#platform/xgrammar.ts";
import { GrammarCache, type GrammarCacheLimits } from "./grammar-cache.ts";
import { SequenceGrammar } from "./sequence-grammar.ts";
import { Utf8Masks } from "./utf8-masks.ts";

/** What the engine's thread makes its grammars of. */
export interface GrammarsOptions {
  /** token id -> the bytes that it stands for; empty for control tokens, which no grammar allows. */
  readonly tokenBytes: readonly Uint8Array[];
  readonly cache: GrammarCacheLimits;
}

const noBytes = new Uint8Array(0);

/**
 * Compiles grammars for one vocabulary, each once while the cache remembers it, and opens them for sequences. Everything is
 * synchronous; compiling takes milliseconds to seconds, so whoever lets grammars in has tried them elsewhere first.
 *
 * To XGrammar the vocabulary ends with one token more, which has no bytes and is its only stop token: a grammar is complete
 * exactly where that may follow. Which tokens really stop differs from request to request.
 */
export class Grammars {
  readonly #xgrammar: XGrammar;
  readonly #numTokens: number;
  readonly #utf8Masks: Utf8Masks;
  readonly #tokenizerInfo: Handle;
  readonly #compiler: InstanceType<XGrammar["GrammarCompiler"]>;
  readonly #compiled: GrammarCache<Handle>;
  #numOpen = 0;

  static async create(options: GrammarsOptions): Promise<Grammars> {
    return new Grammars(await loadXGrammar(), options);
  }

  private constructor(xgrammar: XGrammar, { tokenBytes, cache }: GrammarsOptions) {
    this.#xgrammar = xgrammar;
    this.#numTokens = tokenBytes.length;
    this.#utf8Masks = new Utf8Masks(tokenBytes);
    const vocabulary = xgrammar.vecStringFromJSArray([...tokenBytes, noBytes]);
    const stopTokenIds = xgrammar.vecIntFromJSArray([this.#numTokens]);
    this.#tokenizerInfo = new xgrammar.TokenizerInfo(vocabulary, "RAW", this.#numTokens + 1, stopTokenIds, false);
    vocabulary.delete();
    stopTokenIds.delete();
    this.#compiler = new xgrammar.GrammarCompiler(this.#tokenizerInfo, 1, false);
    this.#compiled = new GrammarCache(cache, (compiled) => compiled.delete());
  }

  /** Sequences whose grammar was not closed yet. */
  get numOpen(): number {
    return this.#numOpen;
  }

  /** Compiled grammars that are remembered. */
  get numCached(): number {
    return this.#compiled.size;
  }

  /** @throws when the grammar is malformed; what it took of memory is then lost. */
  compile(ebnf: string): void {
    this.#compile(ebnf);
  }

  /** The grammar at its beginning, for one sequence, which must close it. @throws as `compile` does. */
  open(ebnf: string): SequenceGrammar {
    const matcher = new this.#xgrammar.GrammarMatcher(this.#compile(ebnf), undefined, false, 0);
    this.#numOpen += 1;
    return new SequenceGrammar(this.#xgrammar, matcher, this.#numTokens, this.#utf8Masks, () => (this.#numOpen -= 1));
  }

  /** Frees what is remembered. No call may follow. */
  close(): void {
    this.#compiled.clear();
    this.#compiler.delete();
    this.#tokenizerInfo.delete();
  }

  #compile(ebnf: string): Handle {
    const known = this.#compiled.get(ebnf);
    if (known !== undefined) return known;
    const grammar = this.#xgrammar.Grammar.FromEBNF(ebnf, "root");
    const compiled = this.#compiler.CompileGrammar(grammar);
    grammar.delete();
    this.#compiled.set(ebnf, compiled);
    return compiled;
  }
}
