// Names for full KV blocks. A block's K/V depend on every token before it, so its name is a hash over its own tokens and
// its parent's name, back to a root that says what else went into them: who may share them, and (once there are any) the
// adapter. Equal names then mean equal K/V, and a prefix is looked up block by block. Source: vLLM, v1/core/kv_cache_utils.py.
//
// Why SHA-256 and nothing faster: two different prefixes with one name would show one tenant what another tenant wrote, and a
// caller chooses the tokens, so the hash must resist collisions that are searched for; that takes twice the bits of the
// strength (birthday bound), hence the whole digest and not half of it. It takes about 0.5 µs a block, whose tokens take
// the model milliseconds to compute.
//
// Engines name their blocks so, and an ingress, which looks for the engine that holds a prompt's first blocks, must come to
// the same names; between them they are told in short (`ShortName`).

declare const blockHash: unique symbol;

/** A SHA-256 digest, one character a byte: the smallest key a Map takes. */
export type BlockHash = string & { readonly [blockHash]: true };

declare const shortName: unique symbol;

/**
 * A name's first 8 bytes, one character a byte: enough to guess by which engine holds a block, since a wrong guess costs
 * time only. Never enough to find a block by.
 */
export type ShortName = string & { readonly [shortName]: true };

export const SHORT_NAME_BYTES = 8;

/** SHA-256, its digest as one character a byte. */
export type Digest = (bytes: Uint8Array) => string;

/** What the K/V of a block depend on besides its tokens and those before it. */
export interface PrefixScope {
  /** Only prefixes under the same salt are shared. Opaque; empty is a salt like any other. */
  readonly cacheSalt: string;
  /** Present: only among the sequences of this family. */
  readonly family?: number;
}

const BYTES_PER_TOKEN = 4;

/** The names of one sequence's full blocks. Each is computed when it is first asked for, and once. */
export class HashChain {
  readonly #blockSize: number;
  readonly #sha256: Digest;
  readonly #root: BlockHash;
  readonly #hashes: BlockHash[] = [];

  constructor(scope: PrefixScope, blockSize: number, sha256: Digest) {
    this.#blockSize = blockSize;
    this.#sha256 = sha256;
    const parts = scope.family === undefined ? [scope.cacheSalt] : [scope.cacheSalt, scope.family];
    this.#root = this.#digest(new TextEncoder().encode(JSON.stringify(parts)));
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
    const bytes = new Uint8Array(parent.length + this.#blockSize * BYTES_PER_TOKEN);
    for (let index = 0; index < parent.length; index += 1) bytes[index] = parent.charCodeAt(index);
    const tokens = new DataView(bytes.buffer, parent.length);
    for (let index = 0; index < this.#blockSize; index += 1) {
      tokens.setUint32(index * BYTES_PER_TOKEN, tokenIds[start + index] ?? 0, true);
    }
    return this.#digest(bytes);
  }

  #digest(bytes: Uint8Array): BlockHash {
    return this.#sha256(bytes) as BlockHash;
  }
}

export function shorten(name: BlockHash): ShortName {
  return name.slice(0, SHORT_NAME_BYTES) as ShortName;
}
