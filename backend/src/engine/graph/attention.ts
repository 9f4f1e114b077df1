// Block-major attention in standard operators: the queries go to the KV blocks, not the blocks to the queries.
//
// A *tile* is one block of keys and values with the query rows that look at it. Each tile yields, per query row and head, a
// partial result: the softmax-weighted mean of its values and the logarithm of its weights' sum (flash-decoding; Dao et
// al., "Flash-Decoding for long-context inference", 2023). A row's partials are then merged by a softmax over those
// logarithms, which is exact. Tiles come in three kinds:
//
// 1. In place. The pool itself is the right-hand side of the products, so no K or V is copied; each block serves one token.
// 2. Gathered. Copies of pool blocks, and the new keys of prompt chunks cut into blocks, each for several tokens: this is
//    how a chunk sees its past and itself, and how a block shared by equal prefixes serves its other owners.
// 3. Own. Each token sees itself: one key, whose weight is 1. So every row has at least one partial that counts.
//
// All partials lie in one table of (row, head) vectors; `StepInputs.partials` names, for each token and head, those that
// are its own, in the order of their positions. Row 0 of the table is empty and fills the list of a token with few.
//
// A sliding window is a mask like any other: keys older than the window are masked, layer by layer. A tile that lies outside
// wholly has a logarithm near `maskedScore`, so its share is exactly zero.
//
// A row's result does not depend, bit for bit, on what else is in the step, because (a) products give each row the same bits
// for any number of rows above one, (b) a tile's width is always blockSize, and (c) the list of partials has a length
// divisible by `partialsMultiple`, so that the last product adds zeros in whole steps of its kernel.
import type { DecoderConfig } from "./config.ts";
import { float, int } from "./graph-builder.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import { maskedScore } from "./step-inputs.ts";
import type { StepInputs } from "./step-inputs.ts";

/** The one-row product kernel adds four terms at a time. */
export const partialsMultiple = 4;

export interface AttentionInputs {
  readonly layer: number;
  readonly query: GraphValue; // [1, numTokens, numHeads * headDim], rotated
  readonly key: GraphValue; // [1, numTokens, numKvHeads * headDim], rotated
  readonly value: GraphValue; // [1, numTokens, numKvHeads * headDim]
}

/** Partial results of some tiles, flat: one vector and one logarithm per query row and head. */
interface Partials {
  readonly outputs: GraphValue; // [numPartialRows, headDim]
  readonly logSums: GraphValue; // [numPartialRows]
}

export class Attention {
  readonly #graph: GraphBuilder;
  readonly #config: DecoderConfig;
  readonly #inputs: StepInputs;
  readonly #empty: Partials;

  constructor(graph: GraphBuilder, config: DecoderConfig, inputs: StepInputs) {
    this.#graph = graph;
    this.#config = config;
    this.#inputs = inputs;
    this.#empty = {
      outputs: graph.inlineInitializer(
        "noPartial.output",
        "float32",
        [1, config.headDim],
        new Float32Array(config.headDim),
      ),
      logSums: graph.inlineInitializer("noPartial.logSum", "float32", [1], Float32Array.of(maskedScore)),
    };
  }

  /** Returns the heads' outputs side by side: [1, numTokens, numHeads * headDim]. */
  apply({ layer, query, key, value }: AttentionInputs): GraphValue {
    const { numHeads, headDim } = this.#config;
    const name = `layers.${layer}.attention`;
    const heads: Heads = {
      name,
      layer,
      query: this.#reshape(`${name}.queryRows`, query, [-1, headDim]),
      key: this.#reshape(`${name}.keyRows`, key, [-1, headDim]),
      value: this.#reshape(`${name}.valueRows`, value, [-1, headDim]),
    };

    const kinds = [this.#empty, this.#own(heads), this.#inPlace(heads), this.#gathered(heads)];
    const outputs = this.#concat(
      `${name}.partials`,
      kinds.map((partials) => partials.outputs),
    );
    const logSums = this.#concat(
      `${name}.logSums`,
      kinds.map((partials) => partials.logSums),
    );

    const own = this.#gather(`${name}.rowLogSums`, logSums, this.#inputs.partials); // [numTokens, numHeads, numPartials]
    const shares = this.#graph.node(`${name}.shares`, "Softmax", [own], { attributes: { axis: int(-1) } });
    const merged = this.#graph.node(`${name}.merged`, "MatMul", [
      this.#reshape(`${name}.shareRows`, shares, [0, 0, 1, -1]), // [numTokens, numHeads, 1, numPartials]
      this.#gather(`${name}.rowPartials`, outputs, this.#inputs.partials), // [numTokens, numHeads, numPartials, headDim]
    ]);
    return this.#reshape(`${name}.output`, merged, [1, -1, numHeads * headDim]);
  }

  #own({ name, query, key, value }: Heads): Partials {
    const { numHeads, numKvHeads, headDim } = this.#config;
    const groupSize = numHeads / numKvHeads;
    const queries = this.#reshape(`${name}.own.query`, query, [-1, numKvHeads, groupSize, headDim]);
    const keys = this.#reshape(`${name}.own.key`, key, [-1, numKvHeads, 1, headDim]);
    const values = this.#reshape(`${name}.own.value`, value, [-1, numKvHeads, 1, headDim]);
    const repeated = this.#graph.node(`${name}.own.repeated`, "Expand", [
      values,
      this.#graph.int64s(1, numKvHeads, groupSize, headDim),
    ]);
    return {
      outputs: this.#reshape(`${name}.own.outputs`, repeated, [-1, headDim]),
      logSums: this.#reshape(`${name}.own.logSums`, this.#scores(`${name}.own.scores`, queries, keys), [-1]),
    };
  }

  #inPlace({ name, layer, query }: Heads): Partials {
    const { inPlaceQueries, inPlaceMasks, keys, values } = this.#inputs;
    const queries = this.#gather(`${name}.inPlace.query`, query, inPlaceQueries); // [inPlace, numKvHeads, queries, headDim]
    return this.#tiles(`${name}.inPlace`, queries, at(keys, layer), at(values, layer), at(inPlaceMasks, layer));
  }

  #gathered({ name, layer, query, key, value }: Heads): Partials {
    const { pool, poolBlocks, chunkKeys, gatheredQueries, gatheredMasks } = this.#inputs;
    const blocks = at(poolBlocks, layer);
    const copy = (part: string, poolRows: GraphValue, chunk: GraphValue) =>
      this.#concat(`${name}.gathered.${part}`, [
        this.#gather(`${name}.gathered.${part}.pool`, pool, poolRows),
        this.#gather(`${name}.gathered.${part}.chunk`, chunk, chunkKeys),
      ]); // [gathered + chunk, numKvHeads, blockSize, headDim]
    const queries = this.#gather(`${name}.gathered.query`, query, gatheredQueries);
    return this.#tiles(
      `${name}.gathered`,
      queries,
      copy("keys", blocks.keys, key),
      copy("values", blocks.values, value),
      at(gatheredMasks, layer),
    );
  }

  /**
   * @param queries [tiles, numKvHeads, queries, headDim]
   * @param keys [tiles, numKvHeads, blockSize, headDim], and so the values
   * @param mask [tiles, 1, queries or 1, blockSize]
   */
  #tiles(name: string, queries: GraphValue, keys: GraphValue, values: GraphValue, mask: GraphValue): Partials {
    const graph = this.#graph;
    const scores = graph.node(`${name}.masked`, "Add", [this.#scores(`${name}.scores`, queries, keys), mask]);
    const weights = graph.node(`${name}.weights`, "Softmax", [scores], { attributes: { axis: int(-1) } });
    // The greatest weight is exp(max - max) / sum, so log(sum of exp(score)) = max score - log(greatest weight). The
    // logarithm is that of a sum of one: the plain Log gives an element other bits near the end of a tensor.
    const maxScore = this.#reduceLast(`${name}.maxScore`, "ReduceMax", scores, 0);
    const maxWeight = this.#reduceLast(`${name}.maxWeight`, "ReduceMax", weights, 1);
    const logMaxWeight = this.#reduceLast(`${name}.logMaxWeight`, "ReduceLogSum", maxWeight, 0);
    const logSums = graph.node(`${name}.logSums`, "Sub", [maxScore, logMaxWeight]);
    const outputs = graph.node(`${name}.outputs`, "MatMul", [weights, values]);
    return {
      outputs: this.#reshape(`${name}.outputRows`, outputs, [-1, this.#config.headDim]),
      logSums: this.#reshape(`${name}.logSumRows`, logSums, [-1]),
    };
  }

  #scores(name: string, queries: GraphValue, keys: GraphValue): GraphValue {
    return this.#graph.node(name, "FusedMatMul", [queries, keys], {
      domain: "com.microsoft",
      attributes: { transB: int(1), alpha: float(1 / Math.sqrt(this.#config.headDim)) },
    });
  }

  #reduceLast(name: string, opType: string, x: GraphValue, keepdims: 0 | 1): GraphValue {
    return this.#graph.node(name, opType, [x, this.#graph.int64s(-1)], { attributes: { keepdims: int(keepdims) } });
  }

  #gather(name: string, rows: GraphValue, indexes: GraphValue): GraphValue {
    return this.#graph.node(name, "Gather", [rows, indexes]);
  }

  #concat(name: string, parts: readonly GraphValue[]): GraphValue {
    return this.#graph.node(name, "Concat", parts, { attributes: { axis: int(0) } });
  }

  #reshape(name: string, x: GraphValue, shape: readonly number[]): GraphValue {
    return this.#graph.node(name, "Reshape", [x, this.#graph.int64s(...shape)]);
  }
}

/** One layer's projections as rows of heads. */
interface Heads {
  readonly name: string;
  readonly layer: number;
  readonly query: GraphValue; // [numTokens * numHeads, headDim]
  readonly key: GraphValue; // [numTokens * numKvHeads, headDim]
  readonly value: GraphValue; // [numTokens * numKvHeads, headDim]
}

function at<T>(perLayer: readonly T[], layer: number): T {
  const found = perLayer[layer];
  if (found === undefined) throw new RangeError(`no layer ${layer}`);
  return found;
}
