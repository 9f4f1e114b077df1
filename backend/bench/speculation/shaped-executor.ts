import type { Executor, ScheduledSequence } from "#engine/executor/executor.ts";
import { makeCandidates } from "#engine/sampling/candidates.ts";
import { cpuMs } from "./cpu-time.ts";

/**
 * Answers as one model does and takes the time of another: every step is computed by both, in pools of the same shape. So steps
 * have the cost of a model of real size whose weights are random, and what is written has sense.
 */
export class ShapedExecutor implements Executor {
  readonly spec: Executor["spec"];
  readonly #writer: Executor;
  readonly #shape: Executor;
  /** Processor time that the model which writes took. */
  writerMs = 0;

  /** @param shape has at least as large a vocabulary and as many blocks, of the same size. */
  constructor(writer: Executor, shape: Executor) {
    this.#writer = writer;
    this.#shape = shape;
    this.spec = writer.spec;
  }

  async execute(batch: readonly ScheduledSequence[]): Promise<Float32Array> {
    const startedMs = cpuMs();
    const logits = (await this.#writer.execute(batch)).slice();
    this.writerMs += cpuMs() - startedMs;
    const numCandidates = this.#shape.spec.numCandidates ?? 0;
    await this.#shape.execute(
      batch.map(({ candidates, ...sequence }) =>
        candidates === undefined
          ? sequence
          : { ...sequence, candidates: makeCandidates(numCandidates, candidates.temperature) },
      ),
    );
    return logits;
  }

  async close(): Promise<void> {
    await this.#writer.close();
    await this.#shape.close();
  }
}
