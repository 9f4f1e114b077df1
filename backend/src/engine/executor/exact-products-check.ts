// Products of 8-bit numbers are summed in pairs. Processors with 8-bit dot products (x86 with VNNI, Arm) sum them in 32
// bits; older x86 ones sum pairs in 16 bits, where 255 * 127 twice does not fit and is cut off. So it is tried.
import { Tensor } from "onnxruntime-node";
import { GraphBuilder } from "#engine/graph/graph-builder.ts";
import { openSession } from "./native-session.ts";

/** Wide enough for the kernels' main loops. */
const size = 64;

/** Whether sums of the greatest products come out right. */
export async function hasExactProducts(): Promise<boolean> {
  return (await sumsOf(255, 127)).every((sum) => sum === size * 255 * 127);
}

/** A product of two square matrices, each of one number. */
export async function sumsOf(row: number, weight: number): Promise<Int32Array> {
  const graph = new GraphBuilder();
  const weights = graph.inlineInitializer("weights", "int8", [size, size], new Int8Array(size * size).fill(weight));
  const rows = graph.input("rows", "uint8", [size, size]);
  graph.output(graph.node("sums", "MatMulInteger", [rows, weights]), "int32", [size, size]);
  const session = await openSession(graph.encode(), { numThreads: 1 });
  try {
    const { sums } = await session.run({
      rows: new Tensor("uint8", new Uint8Array(size * size).fill(row), [size, size]),
    });
    if (!(sums?.data instanceof Int32Array)) throw new TypeError("the native run gave no int32 tensor");
    return sums.data;
  } finally {
    await session.release();
  }
}
