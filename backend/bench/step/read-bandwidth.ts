import { Tensor } from "onnxruntime-node";
import { openSession } from "#engine/executor/native-session.ts";
import { GraphBuilder, int } from "#engine/graph/graph-builder.ts";

const NUM_ROWS = 4096;
/** 64 KiB a row, 256 MiB in all: more than caches hold. */
const ROW_LENGTH = 16_384;
const NUM_RUNS = 7;

/** The most bytes a millisecond that so many threads were seen to read, when they do next to nothing with them. */
export async function measureReadBandwidth(numThreads: number): Promise<number> {
  const graph = new GraphBuilder();
  const input = graph.input("input", "float32", [NUM_ROWS, ROW_LENGTH]);
  const greatest = graph.node("greatest", "ReduceMax", [input, graph.int64s(1)], { attributes: { keepdims: int(0) } });
  graph.output(greatest, "float32", [NUM_ROWS]);
  const session = await openSession(graph.encode(), { numThreads });
  try {
    const feeds = {
      input: new Tensor("float32", new Float32Array(NUM_ROWS * ROW_LENGTH).fill(1), [NUM_ROWS, ROW_LENGTH]),
    };
    const times: number[] = [];
    for (let run = 0; run < NUM_RUNS; run += 1) {
      const startMs = performance.now();
      await session.run(feeds);
      times.push(performance.now() - startMs);
    }
    return (NUM_ROWS * ROW_LENGTH * 4) / Math.min(...times);
  } finally {
    await session.release();
  }
}
