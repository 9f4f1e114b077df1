declare const blockId: unique symbol;

/** Index of a KV block in the pool, 0 to numBlocks - 1. */
export type BlockId = number & { readonly [blockId]: true };
