import { createHash } from "node:crypto";
import { type CompilerHandle, loadXGrammar, type XGrammar } from "#platform/xgrammar.ts";

/** What a heap for grammars is made of. */
export interface GrammarHeapOptions {
  /** token id -> the bytes that it stands for; empty for control tokens, which no grammar allows. */
  readonly tokenBytes: readonly Uint8Array[];
  /** Room for compiled grammars. It takes memory only where something was put. */
  readonly arenaBytes: number;
}

const noBytes = new Uint8Array(0);

/**
 * An XGrammar whose heap holds a vocabulary and, behind it, an arena for compiled grammars. Everything up to the arena is made by
 * the same calls in the same order, so two heaps with one vocabulary are equal there to the byte, in whatever thread they are: a
 * grammar that one thread compiled can be copied, as it lies, to the same place of another's heap.
 *
 * To XGrammar the vocabulary ends with one token more, which has no bytes and is its only stop token: a grammar is complete
 * exactly where that may follow. Which tokens really stop differs from request to request.
 */
export class GrammarHeap {
  readonly xgrammar: XGrammar;
  readonly numTokens: number;
  readonly compiler: CompilerHandle;
  readonly arenaBytes: number;
  /** Where the arena starts; it is one allocation. */
  readonly arenaStart: number;
  /** Equal for heaps that are equal up to the arena. */
  readonly fingerprint: string;

  static async create(options: GrammarHeapOptions): Promise<GrammarHeap> {
    return new GrammarHeap(await loadXGrammar(), options);
  }

  private constructor(xgrammar: XGrammar, { tokenBytes, arenaBytes }: GrammarHeapOptions) {
    this.xgrammar = xgrammar;
    this.numTokens = tokenBytes.length;
    this.arenaBytes = arenaBytes;
    const vocabulary = xgrammar.vecStringFromJSArray([...tokenBytes, noBytes]);
    const stopTokenIds = xgrammar.vecIntFromJSArray([this.numTokens]);
    const tokenizerInfo = new xgrammar.TokenizerInfo(vocabulary, "RAW", this.numTokens + 1, stopTokenIds, false);
    vocabulary.delete();
    stopTokenIds.delete();
    this.compiler = new xgrammar.GrammarCompiler(tokenizerInfo, 1, false);
    this.arenaStart = xgrammar.heap.malloc(arenaBytes);
    if (this.arenaStart === 0) throw new RangeError("no heap has room for so large an arena");
    this.fingerprint = createHash("sha256").update(this.bytes(0, this.arenaStart)).digest("base64");
  }

  /** A view of the heap, good until it grows. */
  bytes(start: number, end: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.xgrammar.heap.memory.buffer, start, end - start);
  }
}
