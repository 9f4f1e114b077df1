// Attention for the WebGPU provider: com.microsoft.PagedAttention stores the new keys and values into the pool and attends
// over the blocks that the block table names, for prompts and decodes in one call.
// Source: onnxruntime docs/ContribOperators.md, "com.microsoft.PagedAttention", and what its kernel was seen to do.
//
// The pool's tensors are inputs only. With the node's cache outputs left out, the kernel writes into its inputs: the pool
// stays where it is on the device and no step copies it.
import { absent, float, int } from "./graph-builder.ts";
import type { GraphValue } from "./graph-builder.ts";
import type { Linear } from "./linear.ts";
import type { Attribute } from "./onnx-model.ts";
import type { PagedStepInputs } from "./paged-step-inputs.ts";
import { normalize } from "./rms-norm.ts";
import type { NormParts } from "./rms-norm.ts";
import { rotate } from "./rope.ts";
import type { RopeTables } from "./rope.ts";
import { layerTensorNames } from "./tensor-names.ts";

export interface PagedAttentionParts extends NormParts {
  readonly linear: Linear;
  readonly inputs: PagedStepInputs;
  readonly rope: RopeTables;
}

export class PagedAttention {
  readonly #parts: PagedAttentionParts;

  constructor(parts: PagedAttentionParts) {
    this.#parts = parts;
  }

  /** Projects `x` [numTokens, hiddenSize] and returns the heads' outputs side by side: [numTokens, numHeads * headDim]. */
  apply(layer: number, x: GraphValue): GraphValue {
    const { graph, config, inputs, linear } = this.#parts;
    const { numHeads, numKvHeads } = config;
    const names = layerTensorNames(layer);
    const at = (part: string) => `layers.${layer}.${part}`;
    const [plainQuery, plainKey, value] = linear.applyAll(
      [at("query.plain"), at("key.plain"), at("value")],
      [names.query, names.key, names.value],
      x,
    );
    const query = this.#normHeads(layer, "query", plainQuery);
    const key = this.#normHeads(layer, "key", plainKey);
    const { keys, values, cumulativeLengths, pastLengths, blockTable, bounds } = inputs;
    const placed = [this.#place(layer, "query", query, numHeads), this.#place(layer, "key", key, numKvHeads), value];
    const pool = [keys[layer] ?? absent, values[layer] ?? absent];
    // Of the cosines and sines, slot mapping, head norms, sinks and scales that the node could take.
    const unused = Array.from({ length: 8 }, () => absent);
    return graph.node(
      at("attention.output"),
      "PagedAttention",
      [...placed, ...pool, cumulativeLengths, pastLengths, blockTable, ...unused, bounds],
      { domain: "com.microsoft", attributes: this.#attributes(layer) },
    );
  }

  #attributes(layer: number): Readonly<Record<string, Attribute>> {
    const { numHeads, numKvHeads, headDim, layers } = this.#parts.config;
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
    const { graph, config, inputs, rope } = this.#parts;
    if (config.layers[layer]?.rotates !== true) return x;
    const width = numHeads * config.headDim;
    const name = `layers.${layer}.${role}`;
    const batch = graph.node(`${name}.batch`, "Reshape", [x, graph.int64s(1, -1, width)]);
    const rotated = rotate(graph, `${name}.rotated`, batch, {
      config,
      numHeads,
      positions: inputs.positions,
      tables: rope,
    });
    return graph.node(name, "Reshape", [rotated, graph.int64s(-1, width)]);
  }

  /** Normalizes each head of `x` [numTokens, heads * headDim], where the family does. */
  #normHeads(layer: number, role: "query" | "key", x: GraphValue): GraphValue {
    const { graph, config } = this.#parts;
    if (!config.queryKeyNorm) return x;
    const name = `layers.${layer}.${role}.normed`;
    const heads = graph.node(`${name}.heads`, "Reshape", [x, graph.int64s(0, -1, config.headDim)]);
    const normed = normalize(this.#parts, `${name}.rows`, layerTensorNames(layer)[`${role}Norm`], heads);
    return graph.node(name, "Reshape", [normed, graph.int64s(0, -1)]);
  }
}
