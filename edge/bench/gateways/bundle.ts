// Bundles a Worker as a deployment would: by wrangler's dry run.
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const root = resolve(import.meta.dirname, "../../..");
const wrangler = join(root, "node_modules/wrangler/bin/wrangler.js");

/** Quiet and offline. */
const environment = {
  ...process.env,
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
  CI: "true",
};

/** The edge's script. `aliases` is module -> file that takes its place. `folder` is a folder for this bundle alone. */
export async function bundleEdge(folder: string, aliases: Readonly<Record<string, string>> = {}): Promise<string> {
  const flags = Object.entries(aliases).flatMap(([module, file]) => ["--alias", `${module}:${file}`]);
  return bundle(folder, join(root, "wrangler.toml"), flags);
}

/** The script of a Worker without bindings. */
export async function bundleAlone(folder: string, main: string, compatibilityDate: string): Promise<string> {
  const config = join(folder, "wrangler.json");
  await mkdir(folder, { recursive: true });
  await writeFile(config, JSON.stringify({ name: "alone", main, compatibility_date: compatibilityDate }));
  return bundle(folder, config, []);
}

async function bundle(folder: string, config: string, flags: readonly string[]): Promise<string> {
  const args = [wrangler, "deploy", "--dry-run", "--config", config, "--outdir", folder, ...flags];
  await promisify(execFile)(process.execPath, args, { cwd: root, env: environment });
  const script = (await readdir(folder)).find((file) => file.endsWith(".js"));
  if (script === undefined) throw new Error("wrangler has bundled nothing");
  return readFile(join(folder, script), "utf8");
}
