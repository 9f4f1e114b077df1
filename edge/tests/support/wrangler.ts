// How the tests call wrangler as a process of its own.
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");

export const edgeConfig = join(root, "wrangler.toml");

/** Node's first argument. */
export const wrangler = resolve(root, "node_modules/wrangler/bin/wrangler.js");

/** In the repository; quiet and offline. */
export const wranglerOptions = {
  cwd: root,
  env: {
    // oxlint-disable-next-line node/no-process-env -- a child needs what this machine's programs need
    ...process.env,
    WRANGLER_SEND_METRICS: "false",
    WRANGLER_SEND_ERROR_REPORTS: "false",
    WRANGLER_HIDE_BANNER: "true",
    WRANGLER_NO_SKILLS_UPDATE_PROMPTS: "true",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    NO_COLOR: "1",
  },
};
