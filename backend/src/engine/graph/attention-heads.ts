// Query, key and value of each token, by K/V head, as attention.ts wants them. Where the three matrices are held as one, its rows
// are dealt out by K/V head (matrix-groups.ts): the queries of a head's group, its key, its value. So one product, seen as
// [numTokens, numKvHeads, groupSize + 2, headDim], is rotated as a whole, the values by nothing (rope.ts), and cut once: a
// short step's time is that of its many small nodes.
import { int } from "./graph-builder.ts";
import type { GraphValue } from "./graph-builder.ts";
import type { Linear } from "./linear.ts";
import { normalize } from "./rms-norm.ts";
import type { NormParts } from "./rms-norm.ts";
import { rotate } from "./rope.ts";
import type { RopeTables } from "./rope.ts";
import { headsPerKvHead } from "./step-inputs.ts";
import { biasName, layerTensorNames } from "./tensor-names.ts";

export interface Heads {
  readonly query: GraphValue; // [numTokens, numKvHeads, groupSize, headDim]
  readonly key: GraphValue; // [numTokens, numKvHeads, 1, headDim]
  readonly value: GraphValue; // [numTokens, numKvHeads, 1, headDim]
}

export interface HeadParts extends NormParts {
  readonly linear: Linear;
  readonly positions: GraphValue; // [numTokens, groupSize + 2], rows of the tables
  readonly tables: RopeTables;
}

/** That of a group's queries, key and value. */
const headAxis = 2;

export class AttentionHeads {
  readonly #parts: HeadParts;
  readonly #groupSize: number;

  constructor(parts: HeadParts) {
    this.#parts = parts;
    this.#groupSize = parts.config.numHeads / parts.config.numKvHeads;
  }

  /** Heads of `x` [1, numTokens, hiddenSize], rotated where the layer does. */
  project(layer: number, x: GraphValue): Heads {
    const { graph, config, positions, tables } = this.#parts;
    const name = `layers.${layer}.heads`;
    const joined = this.#joined(layer, name, x);
    if (config.layers[layer]?.rotates !== true) return this.#cut(name, joined);
    const numHeads = config.numKvHeads;
    return this.#cut(name, rotate(graph, `${name}.rotated`, joined, { config, numHeads, positions, tables }));
  }

  /** Not yet rotated: [numTokens, numKvHeads, groupSize + 2, headDim]. */
  #joined(layer: number, name: string, x: GraphValue): GraphValue {
    const { config, linear, graph } = this.#parts;
    const names = layerTensorNames(layer);
    const matrices = [names.query, names.key, names.value];
    const product = linear.applyGroup(`${name}.product`, matrices, x);
    if (product === undefined) {
      const part = (matrix: string, role: keyof Heads, width: number) =>
        this.#byKvHead(`${name}.${role}.plain`, linear.apply(`${name}.${role}.product`, matrix, x), width);
      return this.#join(`${name}.joined`, this.#normed(layer, name, this.#each(names, part)));
    }
    const heads = this.#byKvHead(`${name}.plain`, product, headsPerKvHead(config));
    const biased = config.biases.includes("query")
      ? graph.node(`${name}.biased`, "Add", [heads, this.#biases(layer, name)])
      : heads;
    if (!config.queryKeyNorm) return biased;
    return this.#join(`${name}.joined`, this.#normed(layer, name, this.#cut(`${name}.plain`, biased)));
  }

  /** Put together when the session loads: [1, numKvHeads, groupSize + 2, headDim]. */
  #biases(layer: number, name: string): GraphValue {
    const bias = (matrix: string, role: keyof Heads, width: number) =>
      this.#byKvHead(`${name}.${role}.bias`, this.#parts.weights.floats(biasName(matrix)), width);
    return this.#join(`${name}.bias`, this.#each(layerTensorNames(layer), bias));
  }

  #each(
    names: Readonly<Record<keyof Heads, string>>,
    make: (matrix: string, role: keyof Heads, width: number) => GraphValue,
  ): Heads {
    return {
      query: make(names.query, "query", this.#groupSize),
      key: make(names.key, "key", 1),
      value: make(names.value, "value", 1),
    };
  }

  #normed(layer: number, name: string, heads: Heads): Heads {
    if (!this.#parts.config.queryKeyNorm) return heads;
    const { queryNorm, keyNorm } = layerTensorNames(layer);
    return {
      query: normalize(this.#parts, `${name}.query.normed`, queryNorm, heads.query),
      key: normalize(this.#parts, `${name}.key.normed`, keyNorm, heads.key),
      value: heads.value,
    };
  }

  #byKvHead(output: string, x: GraphValue, width: number): GraphValue {
    const { graph, config } = this.#parts;
    return graph.node(output, "Reshape", [x, graph.int64s(-1, config.numKvHeads, width, config.headDim)]);
  }

  #join(output: string, { query, key, value }: Heads): GraphValue {
    return this.#parts.graph.node(output, "Concat", [query, key, value], { attributes: { axis: int(headAxis) } });
  }

  #cut(name: string, heads: GraphValue): Heads {
    const { graph } = this.#parts;
    const names = [`${name}.query`, `${name}.key`, `${name}.value`] as const;
    const [query, key, value] = graph.nodeOfMany(names, "Split", [heads, graph.int64s(this.#groupSize, 1, 1)], {
      attributes: { axis: int(headAxis) },
    });
    return { query, key, value };
  }
}
