// Names for full KV blocks. A block's K/V depend on every token before it, so its name is a hash over its own tokens and
// its parent's name, back to a root that says what else went into them: who may share them, and (once there are any) the
// adapter. Equal names then mean equal K/V, and a prefix is looked up block by block. Source: vLLM, v1/core/kv_cache_utils.py.
//
// Why SHA-256 and nothing faster: two different prefixes with one name would show one tenant what another tenant wrote, and a
// caller chooses the tokens, so the hash must resist collisions that are searched for; that takes twice the bits of the
// strength (birthday bound), hence the whole digest and not half of it. It takes about 0.5 µs a block, whose tokens take
// the model milliseconds to compute.
import { hash } from "node:crypto";

declare const blockHash: unique symbol;

/** A SHA-256 digest, one character a byte: the smallest key a Map takes. */
export type BlockHash = string & { readonly [blockHash]: true };

/** What the K/V of a block depend on besides its tokens and those before it. */
export interface PrefixScope {
  /** Only prefixes under the same salt are shared. Opaque; empty is a salt like any other. */
  readonly cacheSalt: string;
}

const BYTES_PER_TOKEN = 4;

/** The names of one sequence's full blocks. Each is computed when it is first asked for, and once. */
export class HashChain {
  readonly #blockSize: number;
  readonly #root: BlockHash;
  readonly #hashes: BlockHash[] = [];

  constructor(scope: PrefixScope, blockSize: number) {
    this.#blockSize = blockSize;
    this.#root = digest(Buffer.from(JSON.stringify([scope.cacheSalt])));
  }

  /**
   * The name of block `index` of the sequence whose tokens begin with `tokenIds`; those before it must be full as well.
   * A sequence's tokens never change, so neither does a name.
   */
  hashOf(index: number, tokenIds: readonly number[]): BlockHash {
    for (let next = this.#hashes.length; next <= index; next += 1) {
      this.#hashes.push(this.#hashBlock(this.#hashes[next - 1] ?? this.#root, tokenIds, next * this.#blockSize));
    }
    const found = this.#hashes[index];
    if (found === undefined) throw new RangeError(`no block ${index}`);
    return found;
  }

  /** Parent and tokens have fixed lengths, so no two inputs are the same bytes. */
  #hashBlock(parent: BlockHash, tokenIds: readonly number[], start: number): BlockHash {
    if (tokenIds.length < start + this.#blockSize) throw new RangeError("only a full block has a name");
    const bytes = Buffer.allocUnsafe(parent.length + this.#blockSize * BYTES_PER_TOKEN);
    let offset = bytes.write(parent, "latin1");
    for (let position = start; position < start + this.#blockSize; position += 1) {
      offset = bytes.writeUInt32LE(tokenIds[position] ?? 0, offset);
    }
    return digest(bytes);
  }
}

function digest(bytes: Buffer): BlockHash {
  return hash("sha256", bytes, "binary") as BlockHash;
}
