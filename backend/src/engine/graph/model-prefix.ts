// A checkpoint saved from the model without its head, as many that are made for embeddings are, names its tensors without
// the `model.` that a head's checkpoint puts before them. What they are is the same.
import type { Checkpoint } from "./checkpoint.ts";
import { embeddingName } from "./tensor-names.ts";

const prefix = "model.";

/** The checkpoint with every name as a whole model has it. */
export function withModelPrefix(checkpoint: Checkpoint): Checkpoint {
  const { tensors } = checkpoint;
  if (tensors.has(embeddingName) || !tensors.has(embeddingName.slice(prefix.length))) return checkpoint;
  const named = [...tensors].map(([name, tensor]) => [prefix + name, tensor] as const);
  return { ...checkpoint, tensors: new Map(named) };
}
