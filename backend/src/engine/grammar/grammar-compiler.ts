import type { CompiledGrammar } from "./compiled-grammar.ts";
import { GrammarHeap, type GrammarHeapOptions } from "./grammar-heap.ts";

export interface GrammarCompilerOptions extends GrammarHeapOptions {
  /** Of a compiled grammar. */
  readonly maxGrammarBytes: number;
}

/** The largest hole that is looked for first; larger ones are filled in pieces. In bytes. */
const LARGEST_HOLE = 1 << 24;
/** Sizes and addresses of malloc's chunks are multiples of this. */
const GRAIN = 8;
/** Up to this size holes are looked for by the grain. */
const FINE_HOLES = 4096;

/**
 * Compiles grammars in a heap of its own into bytes that can be put into another.
 *
 * Before each the heap becomes what it was at first. Holes below the arena are filled; in it all that is free, up to a fence, is one
 * hole that begins at the given place. So what compiling allocates lies there, one chunk behind the other, and goes beyond the fence
 * only when there is no room left. Where the last chunk ends is said by malloc's words in front of the fence: in dlmalloc, which
 * Emscripten uses, a chunk begins with the size of the one before it, if that is free, and its own size, whose lowest bit says whether
 * that is in use; the last of what is in use reaches over the first of these words.
 */
export class GrammarCompiler {
  readonly #heap: GrammarHeap;
  readonly #maxGrammarBytes: number;
  /** The heap up to the arena and malloc's words at its start. */
  readonly #fresh: Uint8Array<ArrayBuffer>;

  static async create(options: GrammarCompilerOptions): Promise<GrammarCompiler> {
    return new GrammarCompiler(await GrammarHeap.create(options), options.maxGrammarBytes);
  }

  private constructor(heap: GrammarHeap, maxGrammarBytes: number) {
    this.#heap = heap;
    this.#maxGrammarBytes = maxGrammarBytes;
    const { malloc, free } = heap.xgrammar.heap;
    free(heap.arenaStart);
    for (let size = LARGEST_HOLE; size >= GRAIN; size = size > FINE_HOLES ? size >> 1 : size - GRAIN) {
      for (let address = malloc(size); ; address = malloc(size)) {
        if (address === 0) throw new Error("the heap has no room for an arena");
        if (address < heap.arenaStart) continue;
        free(address);
        break;
      }
    }
    this.#fresh = heap.bytes(0, heap.arenaStart + GRAIN).slice();
  }

  /**
   * @param offset of the place in the arena, a multiple of 16.
   * @returns undefined when it takes more than a grammar may.
   * @throws when the grammar is malformed. The compiler must then not be used any more.
   */
  compile(ebnf: string, offset: number): CompiledGrammar | undefined {
    const { xgrammar, compiler, fingerprint } = this.#heap;
    const start = this.#heap.arenaStart + offset;
    const fence = this.#makeRoom(offset);
    const grammar = xgrammar.Grammar.FromEBNF(ebnf, "root");
    const compiled = compiler.CompileGrammar(grammar);
    grammar.delete();
    const address = compiled.$$.ptr;
    const isBeyond = xgrammar.heap.malloc(this.#maxGrammarBytes) !== fence + 2 * GRAIN;
    if (isBeyond) return undefined;
    const end = this.#lastEnd(fence);
    if (address < start || address >= end) throw new Error("a compiled grammar lies outside of its place");
    return { heapFingerprint: fingerprint, offset, address, bytes: this.#heap.bytes(start, end).slice() };
  }

  /** @returns the fence's address. */
  #makeRoom(offset: number): number {
    const { malloc, free } = this.#heap.xgrammar.heap;
    this.#heap.bytes(0, this.#fresh.length).set(this.#fresh);
    if (offset > 0 && malloc(offset) !== this.#heap.arenaStart) throw new Error("the heap has holes below the arena");
    const room = malloc(this.#maxGrammarBytes);
    const fence = malloc(GRAIN);
    free(room);
    if (this.#lastEnd(fence) !== room) throw new Error("the heap is not dlmalloc's");
    return fence;
  }

  /** Where the last chunk before the fence ends. */
  #lastEnd(fence: number): number {
    const words = new DataView(this.#heap.xgrammar.heap.memory.buffer, fence - GRAIN, GRAIN);
    const isBeforeInUse = (words.getUint32(4, true) & 1) === 1;
    return fence - (isBeforeInUse ? 0 : words.getUint32(0, true));
  }
}
