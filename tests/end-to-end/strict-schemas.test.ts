// Whatever is sampled under a schema is valid under it, for a validator that shares nothing with us. `SLUICE_SAMPLED_OUTPUTS` says
// how many there are at least.
import { env } from "node:process";
import { jsonSchemas } from "@sluice/shared/test-data/json-schemas.ts";
import addFormats from "ajv-formats";
import { Ajv2020 } from "ajv/dist/2020.js";
import OpenAI from "openai";
import { expect, inject, it } from "vitest";
import { createKey } from "./create-key.ts";

const numOutputs = Number(env["SLUICE_SAMPLED_OUTPUTS"] ?? 100);
const names = Object.keys(jsonSchemas);
const numPerSchema = Math.ceil(numOutputs / names.length);
/** What takes longer is cut off: the beginning of a valid output, which says nothing of validity. */
const maxTokens = 400;
const maxRounds = 20;

const stack = inject("stack");
const client = new OpenAI({ baseURL: stack.baseUrl, apiKey: await createKey(stack, { name: "schemas" }) });
const ajv = new Ajv2020({ strict: false });
addFormats.default(ajv);

/** Outputs at temperature 1 that ended by themselves, as many as asked for. */
async function sample(name: string): Promise<string[]> {
  const ended: string[] = [];
  for (let round = 0; ended.length < numPerSchema; round += 1) {
    if (round === maxRounds) throw new Error(`${name}: outputs do not end`);
    const { choices } = await client.chat.completions.create({
      model: stack.model,
      messages: [{ role: "user", content: "Give me a JSON object with name Mira and age 31." }],
      temperature: 1,
      seed: 1_000 * names.indexOf(name) + round,
      n: numPerSchema - ended.length,
      max_tokens: maxTokens,
      response_format: {
        type: "json_schema",
        json_schema: { name: "sampled", strict: true, schema: { ...jsonSchemas[name] } },
      },
    });
    const stopped = choices.filter(({ finish_reason: reason }) => reason === "stop");
    ended.push(...stopped.map(({ message }) => message.content ?? ""));
  }
  return ended;
}

it(
  `is valid in ${numPerSchema} of ${numPerSchema} outputs under each of ${names.length} schemas`,
  async () => {
    const numValid: Record<string, number> = {};
    for (const name of names) {
      const validate = ajv.compile(jsonSchemas[name] ?? false);
      numValid[name] = (await sample(name)).filter((text) => validate(JSON.parse(text))).length;
    }
    expect(numValid).toEqual(Object.fromEntries(names.map((name) => [name, numPerSchema])));
  },
  60_000 + numOutputs * 1_000,
);
