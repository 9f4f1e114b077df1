// The edge of the local stack: the real Worker, its Durable Objects and D1, in workerd through `wrangler dev`, offline.
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { repositoryRoot, type StackConfig } from "./config.ts";
import { pickLastWords } from "./last-words.ts";
import { findFreePort } from "./ports.ts";
import type { LocalRegion } from "./region.ts";
import type { StackSecrets } from "./secrets.ts";
import { type ProcessWatcher, SupervisedProcess } from "./supervised-process.ts";

const wrangler = path.join(repositoryRoot, "node_modules/.bin/wrangler");

/**
 * Of every wrangler that serves the edge: quiet, without a word to the network, and without what it offers those who develop
 * Workers. Its explorer lets whoever reaches the port read and write databases, files and objects, and asks for no key.
 */
export const servingEnv = {
  WRANGLER_SEND_METRICS: "false",
  WRANGLER_SEND_ERROR_REPORTS: "false",
  WRANGLER_HIDE_BANNER: "true",
  WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  X_LOCAL_EXPLORER: "false",
  X_LOCAL_OBSERVABILITY: "false",
  WRANGLER_WRITE_LOGS: "false",
  CI: "true",
} as const;

const wranglerEnv: NodeJS.ProcessEnv = { PATH: process.env["PATH"], HOME: process.env["HOME"], ...servingEnv };

const persistTo = (stateDir: string): string => path.join(stateDir, "edge");

/**
 * Brings the local D1 database to the newest migration; when `signal` aborts, wrangler has ended before this does.
 * @throws Error with wrangler's output when a migration fails.
 */
export async function applyMigrations(stateDir: string, signal: AbortSignal): Promise<void> {
  const args = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", persistTo(stateDir)];
  const run = promisify(execFile)(wrangler, args, { cwd: repositoryRoot, env: wranglerEnv, signal });
  const ended = new Promise<void>((resolve) => run.child.once("exit", () => resolve()));
  try {
    await run;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    if (run.child.pid !== undefined) await ended;
    throw new Error(
      `The edge's database in ${persistTo(stateDir)} could not be migrated:\n${pickLastWords(stdout + stderr)}\n` +
        remedyForDamage(stateDir),
      { cause: error },
    );
  }
}

/** What to do when SQLite finds a file of the edge damaged. */
export function remedyForDamage(stateDir: string): string {
  return `If it is damaged, put back a copy of ${persistTo(stateDir)}, or remove it: all keys, responses and files go with it.`;
}

/** Starts the Worker on the configured port; it is not ready when this resolves. */
export async function startEdge(
  regions: readonly LocalRegion[],
  config: StackConfig,
  secrets: StackSecrets,
  watcher: ProcessWatcher,
): Promise<SupervisedProcess> {
  const envFile = path.join(config.stateDir, "edge.env");
  await writeFile(envFile, formatEnvFile(regions, secrets), { mode: 0o600 });
  const inspectorPort = await findFreePort();
  return new SupervisedProcess(
    {
      name: "edge",
      command: wrangler,
      args: [
        "dev",
        "--local",
        "--show-interactive-dev-session=false",
        "--ip=127.0.0.1",
        `--port=${config.edgePort}`,
        `--inspector-port=${inspectorPort}`,
        `--persist-to=${persistTo(config.stateDir)}`,
        `--env-file=${envFile}`,
      ],
      cwd: repositoryRoot,
      env: wranglerEnv,
      logFile: path.join(config.stateDir, "logs", "edge.log"),
      maxLogBytes: config.maxLogBytes,
    },
    watcher,
  );
}

function formatEnvFile(regions: readonly LocalRegion[], secrets: StackSecrets): string {
  const values = {
    REGIONS: JSON.stringify(regions.map(({ site, ingressUrl }) => ({ ...site, url: ingressUrl }))),
    KEY_TAG_SECRET: secrets.keyTagSecret,
    ADMIN_KEY: secrets.adminKey,
    RECEIPT_SECRET: secrets.receiptSecret,
    PASSPORT_PRIVATE_JWK: JSON.stringify(secrets.passportPrivateJwk),
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}='${value}'\n`)
    .join("");
}
