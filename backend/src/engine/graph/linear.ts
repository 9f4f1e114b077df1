import type { DecoderConfig } from "./config.ts";
import { int } from "./graph-builder.ts";
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import { quantizationBlock, quantizedName, scalesName } from "./quantize.ts";
import type { QuantizedBits } from "./quantize.ts";
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

  constructor(graph: GraphBuilder, weights: Weights, precision: Precision | DevicePrecision, config: DecoderConfig) {
    this.#graph = graph;
    this.#weights = weights;
    this.#precision = precision;
    this.#shapes = linearShapes(config);
    this.#biased = new Set(
      config.layers.flatMap((_, layer) => config.biases.map((role) => layerTensorNames(layer)[role])),
    );
  }

  /** x [...lead, numRows, inFeatures] times the transpose of the matrix `tensorName`, plus its bias: [...lead, numRows, outFeatures]. */
  apply(output: string, tensorName: string, x: GraphValue): GraphValue {
    if (!this.#biased.has(tensorName)) return this.#multiply(output, tensorName, x);
    const product = this.#multiply(`${output}.unbiased`, tensorName, x);
    return this.#graph.node(output, "Add", [product, this.#weights.floats(biasName(tensorName))]);
  }

  #multiply(output: string, tensorName: string, x: GraphValue): GraphValue {
    if (this.#precision === "fp32") {
      const matrix = this.#weights.floats(tensorName);
      return this.#graph.node(output, "FusedMatMul", [x, matrix], {
        domain: "com.microsoft",
        attributes: { transB: int(1) },
      });
    }
    if (this.#precision === "fp16") {
      const matrix = this.#weights.floats(tensorName);
      return this.#graph.node(output, "Gemm", [x, matrix], { attributes: { transB: int(1) } });
    }
    const shape = this.#shapes.get(tensorName);
    if (shape === undefined) throw new Error(`${tensorName} is not a linear weight`);
    const [outFeatures, inFeatures] = shape;
    const quantized = this.#weights.stored(quantizedName(tensorName));
    const scales = this.#weights.floats(scalesName(tensorName));
    return this.#graph.node(output, "MatMulNBits", [x, quantized, scales], {
      domain: "com.microsoft",
      attributes: {
        K: int(inFeatures),
        N: int(outFeatures),
        bits: int(quantizedBits[this.#precision]),
        block_size: int(quantizationBlock),
        accuracy_level: int(int8Activations),
      },
    });
  }
}
