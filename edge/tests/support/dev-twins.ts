// Two edge Workers over the same gates, with real sockets between them, their callers and their regions.
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { startDev } from "./dev-worker.ts";
import { firstConfig, firstName, secondConfig, secondName } from "./twin-config.ts";
import type { Environment, RunningWorker } from "./worker.ts";
import { edgeConfig } from "./wrangler.ts";

/** A request that has it enters by the second Worker. */
export const byTwin = { "x-enter-by": "twin" };

/** Stands where Cloudflare's network does, and decides by which Worker a request enters. */
const front = `export default {
  fetch: (request, env) => (request.headers.has("x-enter-by") ? env.SECOND : env.FIRST).fetch(request),
};
`;

export async function startDevTwins(environment: Environment): Promise<RunningWorker> {
  return startDev(environment, async (folder) => {
    const main = join(folder, "front.mjs");
    await writeFile(main, front);
    const services = [
      { binding: "FIRST", service: firstName },
      { binding: "SECOND", service: secondName },
    ];
    const flags = { compatibility_date: "2026-11-02", compatibility_flags: ["enable_request_signal"] };
    const root = dirname(edgeConfig);
    const edges = [firstConfig(root, environment), secondConfig(root, environment)];
    const configs = [{ name: "front", main, services, ...flags }, ...edges];
    const paths = configs.map(({ name }) => join(folder, `${name}.json`));
    await Promise.all(paths.map(async (path, index) => writeFile(path, JSON.stringify(configs[index]))));
    return paths;
  });
}
