// The KV pool is a graph input, which the binding hands over without copying. That is no promise of its interface, and a
// copy would change no result: it would only make every step carry gigabytes. So it is tried once at start-up.
import { Tensor } from "onnxruntime-node";
import { GraphBuilder } from "#engine/graph/graph-builder.ts";
import { openSession } from "./native-session.ts";

const inputBytes = 64 * 1024 * 1024;
/** No machine copies 64 MiB in this time (it would be 128 GB/s on one thread); a run that copies nothing takes a tenth. */
const copyTimeMs = 0.5;
/** One quick run proves the point; the others are for a machine that is busy. */
const attempts = 100;

/** @throws when the binding copies CPU inputs: when no run is done within `limitMs`. */
export async function checkZeroCopyInputs(limitMs = copyTimeMs): Promise<void> {
  const graph = new GraphBuilder();
  const input = graph.input("input", "float32", ["length"]);
  graph.output(graph.node("first", "Gather", [input, graph.int64(0)]), "float32", []);
  const session = await openSession(graph.encode(), { numThreads: 1 });
  try {
    const feeds = { input: new Tensor("float32", new Float32Array(inputBytes / 4), [inputBytes / 4]) };
    for (let attempt = 0; attempt < attempts; attempt++) {
      const startMs = performance.now();
      await session.run(feeds);
      if (performance.now() - startMs < limitMs) return;
    }
  } finally {
    await session.release();
  }
  throw new Error("onnxruntime-node copies its CPU inputs: every step would copy the KV pool");
}
