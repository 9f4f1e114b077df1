// What the thread of the engine and the thread of the sockets say to each other. `execute` blocks its JS thread for a
// whole forward pass, so the two must be different threads; at most one report crosses a step, however many sequences.
import type { CompiledGrammar, GrammarId } from "./grammar/compiled-grammar.ts";
import type { ExecutorSpec } from "./executor/executor.ts";
import type { EngineLoad, GenerationRequest, SequenceEvent } from "./generation.ts";
import type { CacheChanges } from "./kv/cache-journal.ts";
import type { SequenceId } from "./scheduler/sequence-id.ts";
import type { StepWork } from "./step-work.ts";

/** Taken in order, between two steps. */
export type EngineCommand =
  | { readonly kind: "add"; readonly request: GenerationRequest }
  | { readonly kind: "abort"; readonly sequenceId: SequenceId }
  /** Comes before every request with that grammar. */
  | { readonly kind: "installGrammar"; readonly id: GrammarId; readonly compiled: CompiledGrammar }
  /** Comes after the end of every request with that grammar. */
  | { readonly kind: "dropGrammar"; readonly id: GrammarId }
  /** Whether reports are to say how the prefix cache changes; the first one then says all it has. */
  | { readonly kind: "followCache"; readonly wanted: boolean }
  /** Ends the loop after the step under way. Live requests get no further event. */
  | { readonly kind: "close" };

/** `ready` comes once and first: before it the model is loading. */
export type EngineReport =
  | { readonly kind: "ready"; readonly spec: ExecutorSpec; readonly load: EngineLoad }
  | {
      readonly kind: "step";
      readonly events: readonly SequenceEvent[];
      readonly load: EngineLoad;
      /** Absent when there was nothing to compute. */
      readonly step?: TimedStep | undefined;
      readonly cacheChanges?: CacheChanges | undefined;
    };

/** A step that has just ended. */
export interface TimedStep extends StepWork {
  /** From scheduling to the last sampled token. */
  readonly durationMs: number;
}
