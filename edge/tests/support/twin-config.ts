// Two edge Workers, the second with the bindings of the first, but over the first's Durable Objects: as another deployment or
// another location would be.
import { join } from "node:path";
import {
  unstable_readConfig as readConfig,
  type Unstable_Config as WranglerConfig,
  type Unstable_RawConfig,
} from "wrangler";
import type { Environment } from "./worker.ts";

/** As wrangler.toml names the first. */
export const [firstName, secondName] = ["sluice-edge", "sluice-edge-twin"] as const;

export type EdgeConfig = Unstable_RawConfig & { readonly name: string };

/** As wrangler.toml has it, and all else that it needs in place of an environment file. */
export function firstConfig(root: string, environment: Environment): EdgeConfig {
  const { d1_databases, r2_buckets, queues, durable_objects, migrations, ...config } = readEdgeConfig(root);
  const bindings = { d1_databases, r2_buckets, queues, durable_objects, migrations };
  return { name: firstName, ...common(config, environment), ...bindings };
}

export function secondConfig(root: string, environment: Environment): EdgeConfig {
  const { d1_databases, r2_buckets, queues, durable_objects, ...config } = readEdgeConfig(root);
  return {
    name: secondName,
    ...common(config, environment),
    d1_databases: d1_databases.map(({ binding }) => ({ binding, database_name: "twin", database_id: "twin" })),
    r2_buckets: r2_buckets.map(({ binding }) => ({ binding, bucket_name: "twin" })),
    // A queue has one consumer.
    queues: { producers: queues.producers ?? [] },
    durable_objects: {
      bindings: durable_objects.bindings.map(({ name, class_name }) => ({ name, class_name, script_name: firstName })),
    },
  };
}

function readEdgeConfig(root: string): WranglerConfig {
  return readConfig({ config: join(root, "wrangler.toml") });
}

type Common = Pick<WranglerConfig, "main" | "compatibility_date" | "compatibility_flags" | "ratelimits">;

function common({ main, compatibility_date, compatibility_flags, ratelimits }: Common, environment: Environment) {
  if (main === undefined || compatibility_date === undefined) throw new Error("wrangler.toml is incomplete");
  return { main, compatibility_date, compatibility_flags, ratelimits, vars: { ...environment } };
}
