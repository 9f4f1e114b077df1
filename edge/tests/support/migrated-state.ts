// What `wrangler dev` stores, with all migrations applied and nothing else: made once a run, because applying them takes each
// Worker longer than starting.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestProject } from "vitest/node";
import { wrangler, wranglerOptions } from "./wrangler.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A folder, to be copied. */
    migratedState: string;
  }
}

/** As Vitest's `globalSetup` has it. @throws Error when a migration fails. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "sluice-migrated-"));
  const args = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", folder];
  await promisify(execFile)(process.execPath, [wrangler, ...args], wranglerOptions);
  project.provide("migratedState", folder);
  return async () => rm(folder, { recursive: true, force: true });
}
