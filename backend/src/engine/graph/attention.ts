// Block-major attention in standard operators: the queries go to the KV blocks, not the blocks to the queries.
//
// A *tile* is tileSize keys and values, of one block or of several that follow each other, with the query rows that look at it. Each tile yields, per query row and head, a
// partial result: the softmax-weighted mean of its values and the logarithm of its weights' sum (flash-decoding; Dao et
// al., "Flash-Decoding for long-context inference", 2023). A row's partials are then merged by a softmax over those
// logarithms, which is exact. Tiles come in three kinds:
//
// 1. In place. The pool itself is the right-hand side of the products, so no K or V is copied; each of its tiles serves one token.
// 2. Gathered. Copies of pool blocks, wherever they lie, and the new keys of prompt chunks cut into tiles, each for several
//    tokens: this is how a chunk sees its past and itself, how a block shared by equal prefixes serves its other owners, and how
//    a tile is made whole whose blocks are no neighbours. A chunk that begins inside a tile joins its first keys to the tile's
//    copy, so that they make one partial, as they will for those who find them all in the pool.
// 3. Own. Each token sees itself: one key, whose weight is 1. So every row has at least one partial that counts.
//
// All partials lie in one table of vectors: own ones, those in place, an empty one, gathered ones. `StepInputs.partials` names,
// for each token and head, those that are its own, in the order of their positions; the empty one fills the list of a token
// with few. Most steps have no gathered tiles, so those are a branch: a short step's time is that of its many small nodes.
//
// A sliding window is a mask like any other: keys older than the window are masked, layer by layer. A tile that lies outside
// wholly has a logarithm near `maskedScore`, so its share is exactly zero.
//
// A row's result does not depend, bit for bit, on what else is in the step, because (a) products give each row the same bits
// for any number of rows above one, (b) a tile's width is always tileSize, whatever its blocks', and (c) the list of partials has a length
// divisible by `partialsMultiple`, so that the last product adds zeros in whole steps of its kernel.
import type { Heads } from "./attention-heads.ts";
import type { DecoderConfig } from "./config.ts";
import { float, int } from "./graph-builder.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import { maskedScore, queriesInPlace } from "./step-inputs.ts";
import type { StepInputs } from "./step-inputs.ts";

/** The one-row product kernel adds four terms at a time. */
export const partialsMultiple = 4;

/** Partial results of some tiles: one vector and one logarithm per query row and head. */
interface Partials {
  readonly outputs: GraphValue; // [tiles, numKvHeads, queries, headDim]
  readonly logSums: GraphValue; // [tiles, numKvHeads, queries, 1]
}

export class Attention {
  readonly #graph: GraphBuilder;
  readonly #config: DecoderConfig;
  readonly #inputs: StepInputs;
  readonly #tileSize: number;
  /** Query rows of a tile in place. */
  readonly #queries: number;
  /** One that counts nothing. */
  readonly #empty: Partials;
  /** No partials at all. */
  readonly #none: Partials;

  constructor(graph: GraphBuilder, config: DecoderConfig, inputs: StepInputs, tileSize: number) {
    this.#graph = graph;
    this.#config = config;
    this.#inputs = inputs;
    this.#tileSize = tileSize;
    this.#queries = queriesInPlace(config);
    const { numKvHeads, headDim } = config;
    const constant = (name: string, numTiles: number, width: number, value: number) =>
      graph.inlineInitializer(
        name,
        "float32",
        [numTiles, numKvHeads, this.#queries, width],
        new Float32Array(numTiles * numKvHeads * this.#queries * width).fill(value),
      );
    const constants = (name: string, numTiles: number): Partials => ({
      outputs: constant(`${name}.outputs`, numTiles, headDim, 0),
      logSums: constant(`${name}.logSums`, numTiles, 1, maskedScore),
    });
    this.#empty = constants("emptyPartial", 1);
    this.#none = constants("noPartials", 0);
  }

  /** Returns the heads' outputs side by side: [1, numTokens, numHeads * headDim]. */
  apply(layer: number, { query, key, value }: Heads): GraphValue {
    const { numHeads, headDim } = this.#config;
    const name = `layers.${layer}.attention`;
    const heads: LayerHeads = { name, layer, query: this.#queriesOfTiles(name, query), key, value };

    const kinds = [this.#own(heads), this.#inPlace(heads), this.#empty, this.#gatheredIfAny(heads)];
    const outputs = this.#flat(
      `${name}.partials`,
      kinds.map((partials) => partials.outputs),
      [-1, headDim],
    );
    const logSums = this.#flat(
      `${name}.logSums`,
      kinds.map((partials) => partials.logSums),
      [-1],
    );

    const own = this.#gather(`${name}.rowLogSums`, logSums, this.#inputs.partialsOfRow); // [numTokens, numHeads, 1, numPartials]
    const merged = this.#graph.node(`${name}.merged`, "MatMul", [
      this.#graph.node(`${name}.shares`, "Softmax", [own], { attributes: { axis: int(-1) } }),
      this.#gather(`${name}.rowPartials`, outputs, this.#inputs.partials), // [numTokens, numHeads, numPartials, headDim]
    ]);
    return this.#reshape(`${name}.output`, merged, [1, -1, numHeads * headDim]);
  }

  /** Where a K/V head has one query head, that one counts twice: a single row takes another product kernel. */
  #queriesOfTiles(name: string, query: GraphValue): GraphValue {
    const { numHeads, numKvHeads } = this.#config;
    return numHeads === numKvHeads ? this.#repeat(`${name}.queries`, query) : query;
  }

  #own({ name, query, key, value }: LayerHeads): Partials {
    return {
      outputs: this.#repeat(`${name}.own.outputs`, value),
      logSums: this.#scores(`${name}.own.logSums`, query, key),
    };
  }

  /** [tiles, numKvHeads, 1, headDim] for each query of a tile in place. */
  #repeat(name: string, x: GraphValue): GraphValue {
    return this.#graph.node(name, "Expand", [x, this.#graph.int64s(1, 1, this.#queries, 1)]);
  }

  #inPlace({ name, layer, query }: LayerHeads): Partials {
    const { inPlaceRows, inPlaceMasks, keys, values } = this.#inputs;
    const queries = this.#gather(`${name}.inPlace.query`, query, inPlaceRows); // [inPlace, numKvHeads, queries, headDim]
    return this.#tiles(`${name}.inPlace`, queries, at(keys, layer), at(values, layer), at(inPlaceMasks, layer));
  }

  #gatheredIfAny(heads: LayerHeads): Partials {
    const { numKvHeads, headDim } = this.#config;
    const name = `${heads.name}.gathered`;
    const none = (part: string, value: GraphValue) => this.#graph.node(`${name}.no${part}`, "Identity", [value]);
    const rows = (part: string, tiles: GraphValue, width: number) =>
      this.#reshape(`${name}.${part}Rows`, tiles, [-1, numKvHeads, this.#queries, width]);
    const dims = ["gathered", numKvHeads, this.#queries];
    const [outputs, logSums] = this.#graph.either([`${name}.outputs`, `${name}.logSums`], this.#inputs.hasGathered, {
      whenTrue: () => {
        const gathered = this.#gathered(heads);
        return [rows("Outputs", gathered.outputs, headDim), rows("LogSums", gathered.logSums, 1)];
      },
      whenFalse: () => [none("Outputs", this.#none.outputs), none("LogSums", this.#none.logSums)],
      types: [
        { type: "float32", dims: [...dims, headDim] },
        { type: "float32", dims: [...dims, 1] },
      ],
    });
    return { outputs, logSums };
  }

  #gathered({ name, layer, query, key, value }: LayerHeads): Partials {
    const { pool, gatheredBlocks, chunkKeys, joinedKeys, joinedPlaces, gatheredQueries, gatheredMasks } = this.#inputs;
    const { numKvHeads, headDim } = this.#config;
    const rows = (part: string, x: GraphValue) => this.#reshape(`${name}.gathered.${part}.rows`, x, [-1, headDim]);
    const copy = (part: string, index: number, chunk: GraphValue) => {
      const from = `${name}.gathered.${part}`;
      const blocks = this.#gather(`${from}.blocks`, gatheredBlocks, this.#graph.int64(2 * layer + index));
      const copied = this.#gather(`${from}.pool.blocks`, pool, blocks); // [gathered, numKvHeads, blocksPerTile, blockSize, headDim]
      const chunkRows = rows(part, chunk);
      const apart = this.#concat(`${from}.apart`, [
        this.#reshape(`${from}.pool`, copied, [0, numKvHeads, this.#tileSize, headDim]),
        this.#gather(`${from}.chunk`, chunkRows, chunkKeys),
      ]);
      const joined = this.#gather(`${from}.joined`, chunkRows, joinedKeys);
      return this.#graph.node(from, "ScatterND", [apart, joinedPlaces, joined]); // [gathered + chunk, numKvHeads, tileSize, headDim]
    };
    const queries = this.#gather(`${name}.gathered.query`, rows("query", query), gatheredQueries);
    return this.#tiles(
      `${name}.gathered.tiles`,
      queries,
      copy("keys", 0, key),
      copy("values", 1, value),
      at(gatheredMasks, layer),
    );
  }

  /**
   * @param queries [tiles, numKvHeads, queries, headDim]
   * @param keys [tiles, numKvHeads, tileSize, headDim], and so the values
   * @param mask [tiles, 1, queries or 1, tileSize]
   */
  #tiles(name: string, queries: GraphValue, keys: GraphValue, values: GraphValue, mask: GraphValue): Partials {
    const graph = this.#graph;
    const scores = graph.node(`${name}.masked`, "Add", [this.#scores(`${name}.scores`, queries, keys), mask]);
    const weights = graph.node(`${name}.weights`, "Softmax", [scores], { attributes: { axis: int(-1) } });
    // The greatest weight is exp(max - max) / sum, so log(sum of exp(score)) = max score - log(greatest weight). The
    // logarithm is that of a sum of one: the plain Log gives an element other bits near the end of a tensor.
    const maxScore = this.#reduceLast(`${name}.maxScore`, "ReduceMax", scores);
    const maxWeight = this.#reduceLast(`${name}.maxWeight`, "ReduceMax", weights);
    const logMaxWeight = this.#reduceLast(`${name}.logMaxWeight`, "ReduceLogSum", maxWeight);
    return {
      outputs: graph.node(`${name}.outputs`, "MatMul", [weights, values]),
      logSums: graph.node(`${name}.logSums`, "Sub", [maxScore, logMaxWeight]),
    };
  }

  #scores(name: string, queries: GraphValue, keys: GraphValue): GraphValue {
    return this.#graph.node(name, "FusedMatMul", [queries, keys], {
      domain: "com.microsoft",
      attributes: { transB: int(1), alpha: float(1 / Math.sqrt(this.#config.headDim)) },
    });
  }

  #reduceLast(name: string, opType: string, x: GraphValue): GraphValue {
    return this.#graph.node(name, opType, [x, this.#graph.int64s(-1)], { attributes: { keepdims: int(1) } });
  }

  #gather(name: string, rows: GraphValue, indexes: GraphValue): GraphValue {
    return this.#graph.node(name, "Gather", [rows, indexes]);
  }

  #concat(name: string, parts: readonly GraphValue[]): GraphValue {
    return this.#graph.node(name, "Concat", parts, { attributes: { axis: int(0) } });
  }

  #flat(name: string, parts: readonly GraphValue[], shape: readonly number[]): GraphValue {
    return this.#reshape(name, this.#concat(`${name}.tiles`, parts), shape);
  }

  #reshape(name: string, x: GraphValue, shape: readonly number[]): GraphValue {
    return this.#graph.node(name, "Reshape", [x, this.#graph.int64s(...shape)]);
  }
}

/** One layer's heads, whose queries are as many as a tile in place has. */
interface LayerHeads extends Heads {
  readonly name: string;
  readonly layer: number;
}

function at<T>(perLayer: readonly T[], layer: number): T {
  const found = perLayer[layer];
  if (found === undefined) throw new RangeError(`no layer ${layer}`);
  return found;
}
