// The API's description is made of the schemas that validate, and must not lag behind them.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Validator } from "@seriousme/openapi-schema-validator";
import { descriptions } from "@sluice/shared/openapi/descriptions.ts";
import { openApiDocument } from "@sluice/shared/openapi/document.ts";
import { referencePage } from "@sluice/shared/openapi/reference-page.ts";
import { describe, expect, it } from "vitest";

const publicFolder = path.join(import.meta.dirname, "../../edge/public");
const document = openApiDocument();
const hint = "run `npm run generate:openapi`";

describe("the OpenAPI document", () => {
  it("is valid OpenAPI 3.1", async () => {
    const validation = await new Validator().validate({ ...document });
    expect(validation).toEqual({ valid: true });
  });

  it("is served as it is generated", async () => {
    const served = await readFile(path.join(publicFolder, "openapi.json"), "utf8");
    expect(JSON.parse(served), hint).toEqual(document);
  });

  it("has a page of the same text", async () => {
    const served = await readFile(path.join(publicFolder, "reference/index.html"), "utf8");
    expect(served, hint).toBe(`${await referencePage(document)}\n`);
  });

  it("says what each parameter means", () => {
    const requests = Object.entries(document.components.schemas).filter(([name]) => name.endsWith("Request"));
    expect(requests.length).toBeGreaterThan(2);
    const inBodies = requests.flatMap(([, schema]) => Object.keys(schema.properties ?? {}));
    const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
    const inQueries = operations
      .flatMap((operation) => operation.parameters ?? [])
      .filter((parameter) => parameter.in === "query")
      .map(({ name }) => name);
    const parameters = new Set([...inBodies, ...inQueries]);
    expect([...parameters].filter((name) => descriptions[name] === undefined)).toEqual([]);
    expect(Object.keys(descriptions).filter((name) => !parameters.has(name))).toEqual([]);
  });
});
