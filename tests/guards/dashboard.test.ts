// Nobody notices a panel that stays empty: what the dashboard asks for, and what the documentation promises, must be there.
import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";

const root = path.join(import.meta.dirname, "../..");

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
}

const { panels } = JSON.parse(await readFile(path.join(root, "deploy/grafana/sluice.json"), "utf8")) as Dashboard;
const operations = await readFile(path.join(root, "docs/operations.md"), "utf8");

const metricName = /\b(?:vllm:|sluice_ingress_|sluice_engine_)[a-z0-9_]+/g;

/** The metrics that the backend's sources name, of whatever type. */
async function definedMetrics(): Promise<Set<string>> {
  const names = new Set<string>();
  for await (const file of glob("backend/src/**/*-metrics.ts", { cwd: root })) {
    const source = await readFile(path.join(root, file), "utf8");
    for (const [, name] of source.matchAll(/"((?:vllm:|sluice_ingress_|sluice_engine_)[a-z0-9_]+)"/g))
      if (name !== undefined) names.add(name);
  }
  return names;
}

/** Names in the text that no metric has, nor a histogram's series. */
function unknownMetrics(text: string, defined: ReadonlySet<string>): string[] {
  const names = text.match(metricName) ?? [];
  return names.filter((name) => !defined.has(name) && !defined.has(name.replace(/_(bucket|sum|count)$/, "")));
}

describe("the dashboard and docs/operations.md", async () => {
  const defined = await definedMetrics();

  it.each(panels.map(({ title, targets }) => [title, targets.map(({ expr }) => expr)] as const))(
    "panel %s asks for metrics that exist",
    (_, queries) => {
      for (const query of queries) expect(query).toMatch(metricName);
      expect(unknownMetrics(queries.join("\n"), defined)).toEqual([]);
    },
  );

  it("list every metric, and no other", () => {
    expect([...defined].filter((name) => !operations.includes(`\`${name}\``))).toEqual([]);
    expect(unknownMetrics(operations, defined)).toEqual([]);
  });

  it("would be caught with a misspelt metric", () => {
    expect(defined.size).toBeGreaterThan(20);
    expect(unknownMetrics("rate(vllm:promt_tokens_total[1m])", defined)).toEqual(["vllm:promt_tokens_total"]);
  });
});
