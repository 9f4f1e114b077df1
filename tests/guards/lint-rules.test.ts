// A guard that sees nothing also passes. Each rule of the house is broken here once, on purpose, in a copy of the
// configuration, and must be reported.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = path.join(import.meta.dirname, "../..");

/** file to seed -> [the rule it breaks, source] */
const violations: Record<string, readonly [rule: string, source: string]> = {
  "shared/src/seeded-node.ts": ["no-restricted-imports", 'export * as fs from "node:fs";'],
  "edge/src/seeded-node.ts": ["no-restricted-imports", 'export * as fs from "node:fs";'],
  "edge/src/seeded-backend.ts": ["no-restricted-imports", 'export * from "../../backend/src/platform/clock.ts";'],
  "shared/src/seeded-map.ts": ["no-restricted-imports", 'export * from "#engine/engine.ts";'],
  "edge/src/routing/seeded-step.ts": ["no-restricted-imports", 'export * from "#edge/middleware/authenticate.ts";'],
  "edge/src/auth/seeded-step.ts": ["no-restricted-imports", 'export * from "../middleware/authenticate.ts";'],
  "backend/src/platform/seeded-shared.ts": ["no-restricted-imports", 'export * from "@sluice/shared/errors.ts";'],
  "backend/src/ingress/seeded-engine.ts": ["no-restricted-imports", 'export * from "#engine/engine.ts";'],
  "backend/src/ingress/seeded-escape.ts": ["no-restricted-imports", 'export * from "../engine/engine.ts";'],
  "backend/src/rpc/seeded-ingress.ts": ["no-restricted-imports", 'export * from "#ingress/server.ts";'],
  "backend/src/engine/seeded-rpc.ts": ["no-restricted-imports", 'export * from "#rpc/server.ts";'],
  "backend/src/engine/scheduler/seeded-tensor.ts": ["no-restricted-imports", 'export * from "onnxruntime-node";'],
  "backend/src/engine/executor/seeded-queue.ts": [
    "no-restricted-imports",
    'export * from "#engine/scheduler/scheduler.ts";',
  ],
  "backend/src/engine/kv/seeded-engine.ts": ["no-restricted-imports", 'export * from "#engine/engine.ts";'],
  "backend/src/engine/graph/families/seeded-executor.ts": [
    "no-restricted-imports",
    'export * from "#engine/executor/executor.ts";',
  ],
  "backend/src/engine/seeded-env.ts": ["no-process-env", "export const home = process.env.HOME;"],
  "backend/src/engine/seeded-any.ts": [
    "no-explicit-any",
    "export function loose(value: any): unknown { return value; }",
  ],
  "backend/src/engine/seeded-floating.ts": [
    "no-floating-promises",
    "export function drop(): void { Promise.resolve(1); }",
  ],
  "backend/src/engine/seeded-bang.ts": [
    "no-non-null-assertion",
    "export const first = (list: string[]): string => list[0]!;",
  ],
  "backend/src/engine/seeded-default.ts": ["no-default-export", "export default 1;"],
  "backend/src/engine/seeded-console.ts": ["no-console", 'export function shout(): void { console.log("x"); }'],
  "backend/src/engine/seeded-empty-catch.ts": [
    "no-empty",
    "export function swallow(): void { try { JSON.parse(''); } catch {} }",
  ],
  "backend/src/engine/SeededName.ts": ["filename-case", "export const named = 1;"],
  "backend/src/engine/seeded-cycle-a.ts": [
    "no-cycle",
    'import { b } from "./seeded-cycle-b.ts"; export const a = (): number => b();',
  ],
};

const cycleOtherHalf = 'import { a } from "./seeded-cycle-a.ts"; export const b = (): number => a();';

describe("lint rules", () => {
  let house: string;
  let reported: Map<string, string>; // file -> rules reported there

  beforeAll(async () => {
    house = await mkdtemp(path.join(tmpdir(), "sluice-guards-"));
    await cp(path.join(root, ".oxlintrc.json"), path.join(house, ".oxlintrc.json"));
    await cp(path.join(root, "tsconfig.base.json"), path.join(house, "tsconfig.base.json"));
    await writeFile(path.join(house, "tsconfig.json"), '{ "extends": "./tsconfig.base.json", "include": ["**/*.ts"] }');
    await seed("backend/src/engine/seeded-cycle-b.ts", cycleOtherHalf);
    for (const [file, [, source]] of Object.entries(violations)) await seed(file, source);
    reported = await lint(house);
  }, 60_000);

  afterAll(() => rm(house, { recursive: true, force: true }));

  async function seed(file: string, source: string): Promise<void> {
    await mkdir(path.dirname(path.join(house, file)), { recursive: true });
    await writeFile(path.join(house, file), `${source}\n`);
  }

  it.each(Object.entries(violations))("reports %s", (file, [rule]) => {
    expect(reported.get(file) ?? "nothing reported").toContain(rule);
  });
});

describe("workspace links", () => {
  it.each(["@sluice/edge/src/worker.ts", "@sluice/backend/src/platform/clock.ts"])(
    "do not open %s",
    async (specifier) => {
      await expect(import(specifier)).rejects.toThrow(
        /not (exported|defined)|Missing .* specifier|No known conditions|ERR_PACKAGE_PATH_NOT_EXPORTED/i,
      );
    },
  );
});

/** Runs oxlint in `directory` and gathers its diagnostics by file. */
async function lint(directory: string): Promise<Map<string, string>> {
  const oxlint = path.join(root, "node_modules/.bin/oxlint");
  const output = await promisify(execFile)(oxlint, ["--type-aware", "--format=json"], {
    cwd: directory,
    maxBuffer: 1 << 24,
  }).catch(
    (failure: { stdout: string }) => failure, // exit 1: it found something
  );
  const { diagnostics } = JSON.parse(output.stdout) as { diagnostics: { code: string; filename: string }[] };
  const rules = new Map<string, string>();
  for (const { code, filename } of diagnostics) {
    const file = path.relative(directory, path.resolve(directory, filename));
    rules.set(file, `${rules.get(file) ?? ""} ${code}`);
  }
  return rules;
}
