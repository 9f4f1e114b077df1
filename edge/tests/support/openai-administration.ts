// OpenAI's own JSON Schemas of its administration's answers, to hold ours against.
import { readFileSync } from "node:fs";
import * as z from "zod";

type Schema = Parameters<typeof z.fromJSONSchema>[0];

interface SchemaFile {
  readonly $defs: Readonly<Record<string, object>>;
}

const url = new URL("../../test-data/openai/administration.json", import.meta.url);
const { $defs } = JSON.parse(readFileSync(url, "utf8")) as SchemaFile;

/** Throws where `answer` is not one of OpenAI's `name`. */
export function assertOpenAi(name: string, answer: unknown): void {
  const schema = $defs[name];
  if (schema === undefined) throw new Error(`no schema ${name}`);
  z.fromJSONSchema({ ...schema, $defs } as Schema).parse(answer);
}
