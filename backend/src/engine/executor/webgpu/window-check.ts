// The provider's kernel for attention with a window takes a subgroup of 8 lanes or fewer for one of 16 and then weighs keys
// wrongly, without an error. GPUs have 16 lanes and more, Vulkan in software may not; nobody can ask. So one small attention
// whose result is known is tried before a model with windows is served.
import { Tensor } from "onnxruntime-node";
import type { DecoderConfig } from "#engine/graph/config.ts";
import { absent, GraphBuilder, int } from "#engine/graph/graph-builder.ts";
import { UnsupportedModelError } from "#engine/graph/model-errors.ts";
import { elementTypes } from "#engine/graph/onnx-model.ts";
import { openDeviceSession } from "./device-session.ts";

const numTokens = 24;
const headDim = 16;
const window = 9;
/** Of a mean of whole numbers below 24 in float16. */
const tolerance = 0.05;

/** @throws UnsupportedModelError when a layer has a window and this device computes windows wrongly. */
export async function checkWindows(config: DecoderConfig): Promise<void> {
  if (config.layers.every((layer) => layer.window === undefined)) return;
  const means = await attendEqually();
  for (let position = 0; position < numTokens; position++) {
    // All keys are equal, so each position sees the mean of what its window holds.
    const oldest = Math.max(0, position - window + 1);
    const mean = (oldest + position) / 2;
    if (!(Math.abs((means[position * headDim] ?? NaN) - mean) < tolerance)) {
      throw new UnsupportedModelError("sliding_window: this device computes attention with a window wrongly");
    }
  }
}

/** Attention of one head over keys of zero and values that are their own position: [numTokens, headDim]. */
async function attendEqually(): Promise<Float32Array> {
  const graph = new GraphBuilder();
  const half = (name: string, dims: readonly number[], value: (index: number) => number) =>
    graph.inlineInitializer(
      name,
      "float16",
      dims,
      Float16Array.from({ length: dims.reduce((size, dim) => size * dim, 1) }, (_, index) => value(index)),
    );
  const rows = [numTokens, headDim];
  const zeros = half("zeros", rows, () => 0);
  const values = half("values", rows, (index) => Math.floor(index / headDim));
  const lengths = ["cumulativeLengths", "pastLengths", "blockTable", "bounds"];
  const dims = [[2], [1], [1, 1], [2]];
  const given = lengths.map((name, index) => graph.input(name, "int32", dims[index] ?? []));
  const [cumulativeLengths, pastLengths, blockTable, bounds] = given;
  const poolShape = graph.int64s(1, 32, 1, headDim);
  const pool = ["keys", "values"].map((name) =>
    graph.node(`pool.${name}`, "Expand", [half(`pool.${name}.zero`, [1], () => 0), poolShape]),
  );
  const unused = Array.from({ length: 8 }, () => absent);
  const tables = [cumulativeLengths, pastLengths, blockTable].map((value) => value ?? absent);
  const attended = graph.node(
    "attended.float16",
    "PagedAttention",
    [zeros, zeros, values, ...pool, ...tables, ...unused, bounds ?? absent],
    {
      domain: "com.microsoft",
      attributes: { num_heads: int(1), kv_num_heads: int(1), local_window_size: int(window) },
    },
  );
  const to = { to: int(elementTypes.float32) };
  graph.output(graph.node("attended", "Cast", [attended], { attributes: to }), "float32", rows);

  const session = await openDeviceSession(graph.encode());
  try {
    const feeds = [[0, numTokens], [0], [0], [numTokens, numTokens]].map(
      (numbers, index) => [lengths[index], new Tensor("int32", Int32Array.from(numbers), dims[index] ?? [])] as const,
    );
    const { attended: result } = await session.run(Object.fromEntries(feeds));
    if (!(result?.data instanceof Float32Array)) throw new TypeError("the native run gave no float32 tensor");
    return result.data;
  } finally {
    await session.release();
  }
}
