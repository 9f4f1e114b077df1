import type { BlockHash } from "@sluice/shared/hash-chain.ts";

/** Names of blocks that somebody is going to have computed, and by how many they are expected. */
export class ExpectedNames {
  // name -> how many expect it, at least 1
  readonly #numExpecting = new Map<BlockHash, number>();

  has(name: BlockHash): boolean {
    return this.#numExpecting.has(name);
  }

  keys(): Iterable<BlockHash> {
    return this.#numExpecting.keys();
  }

  /** True when nobody expected it before. */
  add(name: BlockHash): boolean {
    const numExpecting = this.#numExpecting.get(name) ?? 0;
    this.#numExpecting.set(name, numExpecting + 1);
    return numExpecting === 0;
  }

  /** One expects it no more; true when now nobody does. */
  remove(name: BlockHash): boolean {
    const numExpecting = this.#numExpecting.get(name) ?? 0;
    if (numExpecting > 1) this.#numExpecting.set(name, numExpecting - 1);
    else this.#numExpecting.delete(name);
    return numExpecting <= 1;
  }
}
