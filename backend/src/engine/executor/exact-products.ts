// Products of 8-bit numbers are summed in pairs. Processors with 8-bit dot products (x86 with VNNI, Arm) sum them in 32
// bits; on older x86 ones the faster kernel, for weights with a sign, sums pairs in 16 bits, where 255 * 127 twice does not
// fit and is cut off. The kernel for weights without a sign is exact there, and slower where both are. So it is tried.
import { Tensor } from "onnxruntime-node";
import { GraphBuilder } from "#engine/graph/graph-builder.ts";
import type { RowNumbers } from "#engine/graph/quantize-rows.ts";
import { openSession } from "./native-session.ts";

/** Wide enough for the kernels' main loops. */
const size = 64;
const largestRow = 255;
const largestWeight = { int8: 127, uint8: 255 } as const satisfies Record<RowNumbers, number>;

/** How weights must be stored for sums of products to come out right: the faster form that does; absent when none does. */
export async function findExactNumbers(): Promise<RowNumbers | undefined> {
  for (const stored of ["int8", "uint8"] as const) {
    const weight = largestWeight[stored];
    const sums = await sumsOf(stored, largestRow, weight);
    if (sums.every((sum) => sum === size * largestRow * weight)) return stored;
  }
  return undefined;
}

/** A product of two square matrices, each of one number. */
export async function sumsOf(stored: RowNumbers, row: number, weight: number): Promise<Int32Array> {
  const graph = new GraphBuilder();
  const length = size * size;
  const numbers = stored === "int8" ? new Int8Array(length) : new Uint8Array(length);
  const weights = graph.inlineInitializer("weights", stored, [size, size], numbers.fill(weight));
  const rows = graph.input("rows", "uint8", [size, size]);
  graph.output(graph.node("sums", "MatMulInteger", [rows, weights]), "int32", [size, size]);
  const session = await openSession(graph.encode(), { numThreads: 1 });
  try {
    const { sums } = await session.run({
      rows: new Tensor("uint8", new Uint8Array(length).fill(row), [size, size]),
    });
    if (!(sums?.data instanceof Int32Array)) throw new TypeError("the native run gave no int32 tensor");
    return sums.data;
  } finally {
    await session.release();
  }
}
