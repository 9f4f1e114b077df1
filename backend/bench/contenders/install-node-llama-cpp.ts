// Installs node-llama-cpp for the bench alone, into a folder that git ignores: the package itself and the one prebuilt
// binary of this machine, out of the many that npm would bring.
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

export const nodeLlamaCppVersion = "3.22.1";

/** Returns at once when it is there. @throws Error when npm cannot fetch it. */
export async function installNodeLlamaCpp(packageDir: string): Promise<void> {
  const manifest = join(packageDir, "node_modules/node-llama-cpp/package.json");
  const installed = await readFile(manifest, "utf8").catch(() => undefined);
  if (installed !== undefined && (JSON.parse(installed) as { version: string }).version === nodeLlamaCppVersion) return;
  await mkdir(packageDir, { recursive: true });
  // Its own package.json keeps npm from looking for one further up.
  await writeFile(join(packageDir, "package.json"), '{ "private": true }\n');
  const packages = ["node-llama-cpp", `@node-llama-cpp/${process.platform}-${process.arch}`];
  const flags = ["--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
  const pinned = packages.map((name) => `${name}@${nodeLlamaCppVersion}`);
  try {
    await promisify(execFile)("npm", ["install", ...pinned, ...flags], { cwd: packageDir });
  } catch (cause) {
    throw new Error("npm cannot install node-llama-cpp here: leave it out with --no-node-llama-cpp", { cause });
  }
}
