// OpenAI's own JSON Schemas of the answers whose shape is its, to hold ours against.
import { readFileSync } from "node:fs";
import * as z from "zod";

type Schema = Parameters<typeof z.fromJSONSchema>[0];

interface SchemaFile {
  readonly $defs: Readonly<Record<string, object>>;
}

const $defs = Object.assign({}, ...["administration", "files-and-batches"].map(readDefs)) as SchemaFile["$defs"];

/** Throws where `answer` is not one of OpenAI's `name`. */
export function assertOpenAi(name: string, answer: unknown): void {
  const schema = $defs[name];
  if (schema === undefined) throw new Error(`no schema ${name}`);
  z.fromJSONSchema({ ...schema, $defs } as Schema).parse(answer);
}

function readDefs(file: string): SchemaFile["$defs"] {
  const url = new URL(`../../test-data/openai/${file}.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, "utf8")) as SchemaFile).$defs;
}
