// vLLM names no metrics of grammars, so these are ours.
import { Gauge, Histogram, type Registry } from "prom-client";
import type { CompiledGrammars, GrammarObserver } from "./compiled-grammars.ts";
import type { EngineLabels } from "./request-metrics.ts";

/** Seconds. A grammar takes milliseconds over a small vocabulary, and seconds over a large one. */
const compileBuckets = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30];

/** @param grammars read when the registry is scraped. */
export function observeGrammars(
  registry: Registry,
  labels: EngineLabels,
  grammars: () => CompiledGrammars,
): GrammarObserver {
  const registers = [registry];
  const labelNames = Object.keys(labels);
  const gauge = (name: string, help: string, read: (grammars: CompiledGrammars) => number): void => {
    const metric: Gauge = new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect: () => metric.set(labels, read(grammars())),
    });
  };
  gauge("sluice_engine_grammars_kept", "Compiled grammars that the engine has.", ({ numKept }) => numKept);
  gauge("sluice_engine_grammars_in_use", "Those that calls follow.", ({ numLeased }) => numLeased);
  gauge("sluice_engine_grammars_waiting", "Grammars that wait to be compiled.", ({ numWaiting }) => numWaiting);
  const compiled = new Histogram({
    name: "sluice_engine_grammar_compile_seconds",
    help: "From a grammar's turn until it was compiled or given up.",
    buckets: compileBuckets,
    labelNames: [...labelNames, "outcome"],
    registers,
  });
  return { noteCompiled: (outcome, durationMs) => compiled.observe({ ...labels, outcome }, durationMs / 1e3) };
}
