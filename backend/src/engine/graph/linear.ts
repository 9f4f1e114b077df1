import type { DecoderConfig } from "./config.ts";
import { int } from "./graph-builder.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import type { MatrixGroup } from "./matrix-groups.ts";
import { quantizationBlock, quantizedName, scalesName } from "./quantize.ts";
import type { QuantizedBits } from "./quantize.ts";
import { RowProducts } from "./row-products.ts";
import { biasName, layerTensorNames, linearShapes } from "./tensor-names.ts";
import type { Weights } from "./weights.ts";

/** Matrices held as whole numbers of so many bits with a scale per block. */
export type QuantizedPrecision = "int8" | "int4";

/** How matrices are held on the CPU. */
export type Precision = "fp32" | QuantizedPrecision;

/** How matrices are held on a WebGPU device. */
export type DevicePrecision = "fp16" | QuantizedPrecision;

export const quantizedBits = { int8: 8, int4: 4 } as const satisfies Record<QuantizedPrecision, QuantizedBits>;

/** Activations are quantized to int8 as well, so that the products run on int8 dot instructions. */
const int8Activations = 4;

export class Linear {
  readonly #graph: GraphBuilder;
  readonly #weights: Weights;
  readonly #precision: Precision | DevicePrecision;
  // tensor name -> [outFeatures, inFeatures]
  readonly #shapes: ReadonlyMap<string, readonly [number, number]>;
  /** Names of the matrices that have a bias. */
  readonly #biased: ReadonlySet<string>;
  // group name -> the group
  readonly #groups: ReadonlyMap<string, MatrixGroup>;
  readonly #rowProducts: RowProducts;

  /** @param groups how quantized matrices are held; none for floats. */
  constructor(
    graph: GraphBuilder,
    weights: Weights,
    precision: Precision | DevicePrecision,
    config: DecoderConfig,
    groups: readonly MatrixGroup[] = [],
  ) {
    this.#graph = graph;
    this.#weights = weights;
    this.#precision = precision;
    this.#shapes = linearShapes(config);
    this.#groups = new Map(groups.map((group) => [group.name, group]));
    this.#rowProducts = new RowProducts(graph, weights);
    this.#biased = new Set(
      config.layers.flatMap((_, layer) => config.biases.map((role) => layerTensorNames(layer)[role])),
    );
  }

  /** x [...lead, numRows, inFeatures] times the transpose of the matrix `tensorName`, plus its bias: [...lead, numRows, outFeatures]. */
  apply(output: string, tensorName: string, x: GraphValue): GraphValue {
    const isBiased = this.#biased.has(tensorName);
    const group: MatrixGroup = this.#groups.get(tensorName) ?? {
      name: tensorName,
      parts: [tensorName],
      numRuns: 1,
      scales: "blocks",
    };
    const product = this.#multiply(isBiased ? `${output}.unbiased` : output, group, x);
    return isBiased ? this.#addBias(output, tensorName, product) : product;
  }

  /** One product with several matrices, without their biases; undefined when they are not held as one. */
  applyGroup(output: string, tensorNames: readonly string[], x: GraphValue): GraphValue | undefined {
    const group = this.#groups.get(tensorNames.join("+"));
    return group === undefined ? undefined : this.#multiply(output, group, x);
  }

  /** The same of several matrices, in one product where they are held as one: one output for each. */
  applyAll<const Names extends readonly string[]>(
    outputs: Names,
    tensorNames: { readonly [Index in keyof Names]: string },
    x: GraphValue,
  ): { readonly [Index in keyof Names]: GraphValue };
  applyAll(outputs: readonly string[], tensorNames: readonly string[], x: GraphValue): readonly GraphValue[] {
    const group = this.#groups.get(tensorNames.join("+"));
    if (group === undefined) return outputs.map((output, index) => this.apply(output, tensorNames[index] ?? "", x));
    const isBiased = tensorNames.map((name) => this.#biased.has(name));
    const product = this.#multiply(`${outputs[0]}.group`, group, x);
    const parts = this.#graph.nodeOfMany(
      outputs.map((output, index) => (isBiased[index] === true ? `${output}.unbiased` : output)),
      "Split",
      [product, this.#graph.int64s(...tensorNames.map((name) => this.#shapeOf(name)[0]))],
      { attributes: { axis: int(-1) } },
    );
    return parts.map((part, index) =>
      isBiased[index] === true ? this.#addBias(outputs[index] ?? "", tensorNames[index] ?? "", part) : part,
    );
  }

  #multiply(output: string, group: MatrixGroup, x: GraphValue): GraphValue {
    if (group.scales !== "blocks") return this.#rowProducts.multiply(output, group.name, group.scales, x);
    if (this.#precision === "fp32") {
      const matrix = this.#weights.floats(group.name);
      return this.#graph.node(output, "FusedMatMul", [x, matrix], {
        domain: "com.microsoft",
        attributes: { transB: int(1) },
      });
    }
    if (this.#precision === "fp16") {
      const matrix = this.#weights.floats(group.name);
      return this.#graph.node(output, "Gemm", [x, matrix], { attributes: { transB: int(1) } });
    }
    const shapes = group.parts.map((name) => this.#shapeOf(name));
    const quantized = this.#weights.stored(quantizedName(group.name));
    const scales = this.#weights.floats(scalesName(group.name));
    return this.#graph.node(output, "MatMulNBits", [x, quantized, scales], {
      domain: "com.microsoft",
      attributes: {
        K: int(shapes[0]?.[1] ?? 0),
        N: int(shapes.reduce((sum, [outFeatures]) => sum + outFeatures, 0)),
        bits: int(quantizedBits[this.#precision]),
        block_size: int(quantizationBlock),
        accuracy_level: int(int8Activations),
      },
    });
  }

  #addBias(output: string, tensorName: string, product: GraphValue): GraphValue {
    return this.#graph.node(output, "Add", [product, this.#weights.floats(biasName(tensorName))]);
  }

  #shapeOf(tensorName: string): readonly [number, number] {
    const shape = this.#shapes.get(tensorName);
    if (shape === undefined) throw new Error(`${tensorName} is not a linear weight`);
    return shape;
  }
}
