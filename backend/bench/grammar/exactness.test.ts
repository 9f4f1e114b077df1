import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, expect, test } from "vitest";
import { LocalGrammars } from "#engine/grammar/local-grammars.ts";
import { readTokenBytes } from "#engine/grammar/read-token-bytes.ts";
import { jsonSchemas } from "@sluice/shared/test-data/json-schemas.ts";
import { Dice } from "../soak/dice.ts";
import { checkRandomPatterns, checkRandomSchemas } from "./check-random.ts";
import { checkSchema, type SchemaCheck } from "./check-schema.ts";
import { createGrammarEngine, pocketDir } from "./pocket-engine.ts";
import { sampleOutputs } from "./sample-outputs.ts";

// `npm run bench:grammar` does more of the same.
const numPatterns = 450;
const numSchemas = 80;
const numSamples = 3;

let check: SchemaCheck;

beforeAll(async () => {
  const tokenBytes = (await readTokenBytes(pocketDir, 2048)) ?? [];
  check = { grammars: await LocalGrammars.create(tokenBytes), tokenBytes, dice: new Dice(1) };
});

test("a pattern's grammar takes exactly what the pattern matches", { timeout: 120_000 }, () => {
  const report = checkRandomPatterns(numPatterns);
  expect(report.problems).toEqual([]);
  expect(report.numPatterns).toBe(numPatterns);
});

test("what a schema's grammar takes is valid under the schema", { timeout: 120_000 }, () => {
  const report = checkRandomSchemas(check, numSchemas);
  expect(report.problems).toEqual([]);
  expect(report.numRefused).toBeLessThan(numSchemas / 5);
  expect(report.numEnded).toBeGreaterThan(numSchemas);
  expect(report.numNear).toBeGreaterThan(numSchemas);
});

// As XGrammar 0.1.27 takes alternatives that are written as they come.
test("a grammar that takes more than its schema is found out", () => {
  const texts = ["ca", "aaa", "aab"];
  const plain = `root ::= ${texts.map((text) => `"[\\"${text}\\"]"`).join(" | ")}\n`;
  const validate = new Ajv2020().compile({ enum: texts.map((text) => [text]) });
  expect(checkSchema(plain, validate, 20, check).problems).not.toEqual([]);
});

test("what the pocket model writes at temperature 1 is valid under each schema", { timeout: 240_000 }, async () => {
  const sampler = await createGrammarEngine(pocketDir, "int8");
  const report = await sampleOutputs(sampler, jsonSchemas, numSamples);
  await sampler.close();
  expect(report.wrong).toEqual([]);
  expect(report.numSchemas).toBeGreaterThanOrEqual(30);
  expect(report.numValid).toBe(numSamples * report.numSchemas);
});
