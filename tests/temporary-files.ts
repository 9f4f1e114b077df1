// What a test run writes into the system's folder for temporary files lies in one folder of that, which ends with the run. A test
// that leaves something in it fails the run.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Of the Workers runtime, which removes its own when its process ends, after us, or not at all when it is killed. */
const foreign = /^miniflare-/;

/** As Vitest's `globalSetup` has it: returns what is done at the end of the run, which throws when a folder was left. */
export async function setup(): Promise<() => Promise<void>> {
  const path = await mkdtemp(join(tmpdir(), "sluice-tests-"));
  const { TMPDIR: outer } = process.env;
  process.env["TMPDIR"] = path;
  return async () => {
    if (outer === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = outer;
    const entries = await readdir(path, { withFileTypes: true });
    await rm(path, { recursive: true, force: true });
    const left = entries.filter((entry) => entry.isDirectory() && !foreign.test(entry.name)).map(({ name }) => name);
    if (left.length > 0) throw new Error(`Tests left behind in the folder for temporary files: ${left.join(", ")}`);
  };
}
