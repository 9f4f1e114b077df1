// Attention for the WebGPU provider: com.microsoft.PagedAttention stores the new keys and values into the pool and attends
// over the blocks that the block table names, for prompts and decodes in one call.
// Source: onnxruntime docs/ContribOperators.md, "com.microsoft.PagedAttention", and what its kernel was seen to do.
//
// The pool's tensors are inputs only. With the node's cache outputs left out, the kernel writes into its inputs: the pool
// stays where it is on the device and no step copies it.
import type { DecoderConfig } from "./config.ts";
import type { Projections } from "./decoder-layers.ts";
import { absent, float, int } from "./graph-builder.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import type { Attribute } from "./onnx-model.ts";
import type { PagedStepInputs } from "./paged-step-inputs.ts";
import { rotate } from "./rope.ts";
import type { RopeTables } from "./rope.ts";

export class PagedAttention {
  readonly #graph: GraphBuilder;
  readonly #config: DecoderConfig;
  readonly #inputs: PagedStepInputs;
  readonly #rope: RopeTables;

  constructor(graph: GraphBuilder, config: DecoderConfig, inputs: PagedStepInputs, rope: RopeTables) {
    this.#graph = graph;
    this.#config = config;
    this.#inputs = inputs;
    this.#rope = rope;
  }

  /** Returns the heads' outputs side by side: [numTokens, numHeads * headDim]. */
  apply({ layer, query, key, value }: Projections): GraphValue {
    const { numHeads, numKvHeads } = this.#config;
    const { keys, values, cumulativeLengths, pastLengths, blockTable, bounds } = this.#inputs;
    const placed = [this.#place(layer, "query", query, numHeads), this.#place(layer, "key", key, numKvHeads), value];
    const pool = [keys[layer] ?? absent, values[layer] ?? absent];
    // Of the cosines and sines, slot mapping, head norms, sinks and scales that the node could take.
    const unused = Array.from({ length: 8 }, () => absent);
    return this.#graph.node(
      `layers.${layer}.attention.output`,
      "PagedAttention",
      [...placed, ...pool, cumulativeLengths, pastLengths, blockTable, ...unused, bounds],
      { domain: "com.microsoft", attributes: this.#attributes(layer) },
    );
  }

  #attributes(layer: number): Readonly<Record<string, Attribute>> {
    const { numHeads, numKvHeads, headDim, layers } = this.#config;
    const window = layers[layer]?.window;
    return {
      num_heads: int(numHeads),
      kv_num_heads: int(numKvHeads),
      scale: float(1 / Math.sqrt(headDim)),
      ...(window !== undefined && { local_window_size: int(window) }),
    };
  }

  /**
   * Rotates each head of `x` [numTokens, heads * headDim], where the layer does. The node could rotate as well, with as many
   * kernels, but only heads that are a multiple of 16 wide.
   */
  #place(layer: number, role: "query" | "key", x: GraphValue, numHeads: number): GraphValue {
    if (this.#config.layers[layer]?.rotates !== true) return x;
    const graph = this.#graph;
    const width = numHeads * this.#config.headDim;
    const name = `layers.${layer}.${role}`;
    const rotated = rotate(
      graph,
      `${name}.rotated`,
      graph.node(`${name}.batch`, "Reshape", [x, graph.int64s(1, -1, width)]),
      {
        config: this.#config,
        numHeads,
        positions: this.#inputs.positions,
        tables: this.#rope,
      },
    );
    return graph.node(name, "Reshape", [rotated, graph.int64s(-1, width)]);
  }
}
