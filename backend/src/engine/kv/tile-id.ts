declare const tileId: unique symbol;

/** Index of a tile: the blocks whose ids are tileId * blocksPerTile and those that follow, up to blocksPerTile of them. */
export type TileId = number & { readonly [tileId]: true };
