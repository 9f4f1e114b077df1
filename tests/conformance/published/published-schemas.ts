// OpenAI's own JSON Schemas of its answers, to hold ours against. `schemas.json` says where they are from.
import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";

interface SchemaFile {
  readonly $defs: Readonly<Record<string, object>>;
}

const { $defs } = JSON.parse(readFileSync(new URL("schemas.json", import.meta.url), "utf8")) as SchemaFile;
// Neither strict nor of formats: the data has keywords of OpenAPI and formats (`unixtime`) that JSON Schema does not know.
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
ajv.addSchema({ $id: "published", $defs });

/** @throws Error that names what is wrong when `answer` is not one of OpenAI's `name`. */
export function assertPublished(name: string, answer: unknown): void {
  const validate = ajv.getSchema(`published#/$defs/${name}`);
  if (validate === undefined) throw new Error(`There is no published schema "${name}".`);
  if (validate(answer) === true) return;
  throw new Error(`Not a published ${name}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(answer)}`);
}
