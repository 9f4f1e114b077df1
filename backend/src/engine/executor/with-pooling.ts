// Test support: an executor whose embeddings are pooled otherwise than its checkpoint says.
import type { Pooling } from "#engine/graph/pooling.ts";
import type { Executor } from "./executor.ts";

/** Closing it closes nothing. Its candidates are used only where they are sure to decide. */
export const withPooling = (executor: Executor, pooling: Pooling): Executor => ({
  spec: { ...executor.spec, embedding: { size: executor.spec.embedding?.size ?? 0, pooling } },
  execute: (batch) => executor.execute(batch),
  close: () => Promise.resolve(),
});
