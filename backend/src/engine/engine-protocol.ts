// What the thread of the engine and the thread of the sockets say to each other. `execute` blocks its JS thread for a
// whole forward pass, so the two must be different threads; at most one report crosses a step, however many sequences.
import type { ExecutorSpec } from "./executor/executor.ts";
import type { EngineLoad, GenerationRequest, SequenceEvent } from "./generation.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";

/** Taken in order, between two steps. */
export type EngineCommand =
  | { readonly kind: "add"; readonly request: GenerationRequest }
  | { readonly kind: "abort"; readonly sequenceId: SequenceId }
  /** Ends the loop after the step under way. Live requests get no further event. */
  | { readonly kind: "close" };

/** `ready` comes once and first: before it the model is loading. */
export type EngineReport =
  | { readonly kind: "ready"; readonly spec: ExecutorSpec; readonly load: EngineLoad }
  | { readonly kind: "step"; readonly events: readonly SequenceEvent[]; readonly load: EngineLoad };
