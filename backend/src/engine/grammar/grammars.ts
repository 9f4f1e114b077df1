import type { Handle } from "#platform/xgrammar.ts";
import type { CompiledGrammar, GrammarId } from "./compiled-grammar.ts";
import { GrammarHeap, type GrammarHeapOptions } from "./grammar-heap.ts";
import { SequenceGrammar } from "./sequence-grammar.ts";
import { SequenceText } from "./sequence-text.ts";
import { Utf8Masks } from "./utf8-masks.ts";

interface Installed {
  readonly handle: Handle;
  /** In the arena. */
  readonly start: number;
  readonly end: number;
  numOpen: number;
  isDropped: boolean;
}

/**
 * The grammars of an engine's thread: puts compiled ones into its heap, and opens them for sequences. Which lie where is decided
 * by whoever has them compiled (`GrammarArena`); nothing is compiled here.
 */
export class Grammars {
  readonly #heap: GrammarHeap;
  /** Some compiled grammar, whose handle others are made after. */
  readonly #template: Handle;
  readonly #utf8Masks: Utf8Masks;
  readonly #installed = new Map<GrammarId, Installed>();
  readonly #faults = new Map<GrammarId, string>();
  #numOpen = 0;

  static async create(options: GrammarHeapOptions): Promise<Grammars> {
    return new Grammars(await GrammarHeap.create(options), options.tokenBytes);
  }

  private constructor(heap: GrammarHeap, tokenBytes: readonly Uint8Array[]) {
    this.#heap = heap;
    const grammar = heap.xgrammar.Grammar.FromEBNF('root ::= ""\n', "root");
    this.#template = heap.compiler.CompileGrammar(grammar);
    grammar.delete();
    this.#utf8Masks = new Utf8Masks(tokenBytes);
  }

  /** Sequences whose grammar was not closed yet. */
  get numOpen(): number {
    return this.#numOpen;
  }

  get numInstalled(): number {
    return this.#installed.size;
  }

  /** Why requests cannot name it; undefined when they can. */
  faultOf(id: GrammarId): string | undefined {
    return this.#installed.has(id) ? undefined : (this.#faults.get(id) ?? "the grammar is not installed");
  }

  /** Takes a copy of the grammar's bytes. What cannot be put there is known by `faultOf` until it is dropped. */
  install(id: GrammarId, { heapFingerprint, offset, address, bytes }: CompiledGrammar): void {
    const start = this.#heap.arenaStart + offset;
    const end = start + bytes.length;
    const fault = this.#faultOfPlace(heapFingerprint, start, end);
    if (fault !== undefined) {
      this.#faults.set(id, fault);
      return;
    }
    this.#heap.bytes(start, end).set(bytes);
    this.#installed.set(id, { handle: this.#handleAt(address), start, end, numOpen: 0, isDropped: false });
  }

  /** Gives its place back, as soon as no sequence has it open. */
  drop(id: GrammarId): void {
    this.#faults.delete(id);
    const installed = this.#installed.get(id);
    if (installed === undefined) return;
    installed.isDropped = true;
    if (installed.numOpen === 0) this.#installed.delete(id);
  }

  /** The beginning of an output that is to be text, and may be any. */
  openText(): SequenceText {
    return new SequenceText(this.#utf8Masks);
  }

  /** The grammar at its beginning, for one sequence, which must close it. @throws when it is not installed. */
  open(id: GrammarId): SequenceGrammar {
    const installed = this.#installed.get(id);
    if (installed === undefined) throw new Error(this.faultOf(id));
    const { xgrammar, numTokens } = this.#heap;
    const matcher = new xgrammar.GrammarMatcher(installed.handle, undefined, false, 0);
    installed.numOpen += 1;
    this.#numOpen += 1;
    return new SequenceGrammar(xgrammar, matcher, numTokens, this.#utf8Masks, () => {
      installed.numOpen -= 1;
      this.#numOpen -= 1;
      if (installed.isDropped && installed.numOpen === 0) this.#installed.delete(id);
    });
  }

  /** It is not to be deleted: what it stands for was not allocated here. */
  #handleAt(address: number): Handle {
    return Object.create(this.#template, { $$: { value: { ...this.#template.$$, ptr: address } } }) as Handle;
  }

  #faultOfPlace(heapFingerprint: string, start: number, end: number): string | undefined {
    const { fingerprint, arenaStart, arenaBytes } = this.#heap;
    if (heapFingerprint !== fingerprint) return "the grammar was compiled in another heap";
    if (end > arenaStart + arenaBytes) return "the grammar reaches beyond the arena";
    const isTaken = this.#installed.values().some((other) => start < other.end && other.start < end);
    return isTaken ? "another grammar has the grammar's place" : undefined;
  }
}
