/** Names a compiled grammar to the engine. */
export type GrammarId = number & { readonly __brand: "GrammarId" };

/**
 * A compiled grammar outside of the heap that it was compiled in: the bytes that it takes there. It can be put to the same place of
 * any heap that is equal below the arena, since all it points to is itself, and what is there. See `GrammarHeap`.
 */
export interface CompiledGrammar {
  /** Of the heap below the arena. */
  readonly heapFingerprint: string;
  /** Where it belongs, in bytes from the start of the arena. */
  readonly offset: number;
  /** Of XGrammar's object, in the heap. */
  readonly address: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}
