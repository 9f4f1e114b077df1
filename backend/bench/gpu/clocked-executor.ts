import type { Executor } from "#engine/executor/executor.ts";

/** Tells how long the last step was in the executor's hands. */
export class ClockedExecutor implements Executor {
  readonly spec: Executor["spec"];
  readonly #executor: Executor;
  lastMs = 0;

  constructor(inner: Executor) {
    this.spec = inner.spec;
    this.#executor = inner;
  }

  async execute(batch: Parameters<Executor["execute"]>[0]): Promise<Float32Array> {
    const startMs = performance.now();
    const logits = await this.#executor.execute(batch);
    this.lastMs = performance.now() - startMs;
    return logits;
  }

  close(): Promise<void> {
    return this.#executor.close();
  }
}
