import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { CompiledGrammars } from "./compiled-grammars.ts";
import { observeGrammars } from "./grammar-metrics.ts";

test("a scrape tells how many grammars there are, and what compiling took, by how it ended", async () => {
  const registry = new Registry();
  const counts = { numKept: 5, numLeased: 2, numWaiting: 1 } as CompiledGrammars;
  const observer = observeGrammars(registry, { model_name: "fake", engine: "0" }, () => counts);
  observer.noteCompiled("compiled", 20);
  observer.noteCompiled("compiled", 40);
  observer.noteCompiled("timeout", 10_000);
  const lines = (await registry.metrics()).split("\n");
  const labels = 'model_name="fake",engine="0"';
  for (const line of [
    `sluice_engine_grammars_kept{${labels}} 5`,
    `sluice_engine_grammars_in_use{${labels}} 2`,
    `sluice_engine_grammars_waiting{${labels}} 1`,
    `sluice_engine_grammar_compile_seconds_bucket{le="0.03",${labels},outcome="compiled"} 1`,
    `sluice_engine_grammar_compile_seconds_sum{${labels},outcome="compiled"} 0.06`,
    `sluice_engine_grammar_compile_seconds_count{${labels},outcome="timeout"} 1`,
  ])
    expect(lines).toContain(line);
});
