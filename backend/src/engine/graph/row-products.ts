// Products in 8 bits from end to end, "W8A8": weights have a scale per output (quantize-rows.ts), activations a scale per
// token, found as they come. On processors with 8-bit dot products this is two to three times as fast as products with a
// scale per block of weights (docs/decisions/0018-eight-bit-products.md). Sums are whole numbers and so exact: a row's result cannot depend on its company.
import type { GraphBuilder, GraphValue } from "./graph-builder.ts";
import { int } from "./graph-builder.ts";
import { type RowNumbers, rowNumbersName, rowNumbersOffset, rowScalesName } from "./quantize-rows.ts";
import type { Weights } from "./weights.ts";

/** Activations become 128 plus -127 to 127: the products want one side without a sign. */
const middle = 128;
const largestNumber = 127;

/** Of activations. Named from the front: of no rows at all, a maximum along axis -1 would have the wrong shape. */
const featureAxis = 2;

/** A matrix of activations as whole numbers: x = peak / 127 * (number - 128). */
interface QuantizedRows {
  readonly numbers: GraphValue; // uint8 [1, numRows, inFeatures]
  readonly peaks: GraphValue; // float32 [1, numRows, 1]
}

export class RowProducts {
  readonly #graph: GraphBuilder;
  readonly #weights: Pick<Weights, "stored">;
  // activations -> what they were quantized to: several matrices meet the same ones
  readonly #quantized = new Map<GraphValue, QuantizedRows>();

  constructor(graph: GraphBuilder, weights: Pick<Weights, "stored">) {
    this.#graph = graph;
    this.#weights = weights;
  }

  /**
   * x [1, numRows, inFeatures] times the transpose of a matrix: [1, numRows, outFeatures].
   *
   * @param stored how the matrix's numbers are stored.
   */
  multiply(output: string, tensorName: string, stored: RowNumbers, x: GraphValue): GraphValue {
    const { numbers, peaks } = this.#quantize(x);
    const products = this.#graph.node(
      `${output}.products`,
      "MatMulIntegerToFloat",
      [
        numbers,
        this.#weights.stored(rowNumbersName(tensorName)),
        this.#graph.float32(1 / largestNumber),
        this.#weights.stored(rowScalesName(tensorName)),
        this.#graph.uint8(middle),
        ...(stored === "uint8" ? [this.#graph.uint8(rowNumbersOffset.uint8)] : []),
      ],
      { domain: "com.microsoft" },
    );
    return this.#graph.node(output, "Mul", [products, peaks]);
  }

  #quantize(x: GraphValue): QuantizedRows {
    const known = this.#quantized.get(x);
    if (known !== undefined) return known;
    const graph = this.#graph;
    const absolute = graph.node(`${x}.absolute`, "Abs", [x]);
    const peaks = graph.node(`${x}.peaks`, "ReduceMax", [absolute, graph.int64s(featureAxis)], {
      attributes: { keepdims: int(1) },
    });
    // A row of zeros is divided by zero and becomes any numbers: its peak makes zeros of them again.
    const numbers = graph.node(`${x}.numbers`, "QuantizeLinear", [
      graph.node(`${x}.shares`, "Div", [x, peaks]),
      graph.float32(1 / largestNumber),
      graph.uint8(middle),
    ]);
    const made = { numbers, peaks };
    this.#quantized.set(x, made);
    return made;
  }
}
