/** The tile of the pool that is these blocks, in their order from its first place on; absent when they lie otherwise. */
export function findTile(blocks: readonly number[], blocksPerTile: number): number | undefined {
  const [first = 0] = blocks;
  if (first % blocksPerTile !== 0) return undefined;
  return blocks.every((block, index) => block === first + index) ? first / blocksPerTile : undefined;
}
