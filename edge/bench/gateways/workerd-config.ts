// workerd's configuration of a Worker, made from wrangler's, so that what is measured is what would be deployed.
import { readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import type { Unstable_Config } from "wrangler";

export interface WorkerdWorker {
  readonly script: string;
  /** Variables and secrets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  /** Further bindings, as capnp. */
  readonly bindings: readonly string[];
  readonly durableObjects: readonly { readonly binding: string; readonly className: string }[];
}

type Bindings = Pick<
  Unstable_Config,
  "durable_objects" | "d1_databases" | "ratelimits" | "queues" | "kv_namespaces" | "vars"
>;

/** What stands in for what the platform would bind, told beside the figures. */
export const standIns = [
  "Durable Objects: workerd's own, in the same process, on this machine's disk",
  "rate limit (flood shield): a count in the isolate",
  "queues: a Worker in the same process that forgets what it is sent",
  "D1 and KV: a Worker that fails, so that a request that needs them fails too",
  "the key's gate is provisioned by a Worker of the bench, in place of the admin API",
];

/** The bindings that wrangler's configuration names, each with its stand-in. Durable Objects are not among them. */
export function bindingsOf(config: Bindings): readonly string[] {
  return [
    ...config.d1_databases.map(({ binding }) => `(name = ${quote(binding)}, service = "broken")`),
    ...config.kv_namespaces.map(({ binding }) => `(name = ${quote(binding)}, kvNamespace = "broken")`),
    ...(config.queues.producers ?? []).map(({ binding }) => `(name = ${quote(binding)}, queue = "queue")`),
    ...config.ratelimits.map(({ name, simple }) => {
      const inner = `[(name = "simple", json = ${quote(JSON.stringify(simple))})]`;
      return `(name = ${quote(name)}, wrapped = (moduleName = "bench:flood-shield", innerBindings = ${inner}))`;
    }),
  ];
}

/** The whole file. Durable Objects are kept in `diskFolder`. */
export function workerdConfig(worker: WorkerdWorker, diskFolder: string): string {
  const dates = `compatibilityDate = ${quote(worker.compatibilityDate)}`;
  const gate = `(name = "KEY_GATE", durableObjectNamespace = (className = "KeyGate", serviceName = "main"))`;
  const hasGate = worker.durableObjects.some(({ binding }) => binding === "KEY_GATE");
  const services = [
    `(name = "main", worker = ${workerOf(worker)})`,
    `(name = "internet", network = (allow = ["local", "private", "public"]))`,
    `(name = "disk", disk = (path = ${quote(diskFolder)}, writable = true))`,
    `(name = "broken", worker = (${dates}, modules = [${moduleOf("broken")}]))`,
    `(name = "queue", worker = (${dates}, modules = [${moduleOf("queue")}]))`,
    ...(hasGate
      ? [`(name = "provisioner", worker = (${dates}, modules = [${moduleOf("provisioner")}], bindings = [${gate}]))`]
      : []),
  ];
  const sockets = [socketTo("main"), ...(hasGate ? [socketTo("provisioner")] : [])];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${services.join(",\n")}],
  sockets = [${sockets.join(", ")}],
  extensions = [(modules = [(name = "bench:flood-shield", internal = true, esModule = ${standIn("flood-shield")})])],
);
`;
}

function workerOf({ script, environment, durableObjects, ...rest }: WorkerdWorker): string {
  const bindings = [
    ...Object.entries(environment).map(([name, value]) => `(name = ${quote(name)}, text = ${quote(value)})`),
    ...durableObjects.map(
      ({ binding, className }) => `(name = ${quote(binding)}, durableObjectNamespace = ${quote(className)})`,
    ),
    ...rest.bindings,
  ];
  const namespaces = durableObjects.map(({ className }) => {
    return `(className = ${quote(className)}, uniqueKey = ${quote(className)}, enableSql = true)`;
  });
  return `(
    modules = [(name = "main.js", esModule = ${quote(script)})],
    compatibilityDate = ${quote(rest.compatibilityDate)},
    compatibilityFlags = [${rest.compatibilityFlags.map(quote).join(", ")}],
    bindings = [${bindings.join(",\n")}],
    durableObjectNamespaces = [${namespaces.join(", ")}],
    durableObjectStorage = (localDisk = "disk"),
  )`;
}

function socketTo(service: string): string {
  return `(name = ${quote(service)}, address = "127.0.0.1:0", http = (), service = ${quote(service)})`;
}

function moduleOf(name: string): string {
  return `(name = "main.js", esModule = ${standIn(name)})`;
}

function standIn(name: string): string {
  return quote(stripTypeScriptTypes(readFileSync(join(import.meta.dirname, `../workers/${name}.ts`), "utf8")));
}

/** A text in capnp, whose escapes are C's: of JSON's it lacks only `\u`, which Unicode in UTF-8 does without. */
function quote(text: string): string {
  return JSON.stringify(text).replace(/\\u00([0-9a-f]{2})/g, "\\x$1");
}
