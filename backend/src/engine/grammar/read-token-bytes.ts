import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { TokenBytes, tokenSpelling } from "@sluice/shared/token-bytes.ts";
import { Tokenizer } from "tokenizers";
import * as z from "zod";

const tokenizerJsonSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ content: z.string(), special: z.boolean() })).default([]),
  decoder: z.unknown(),
});

/**
 * The bytes of a model's tokens, by id. Control tokens, and ids up to `vocabSize` without a token, have none. The ids are the
 * tokenizer library's, as they are in the ingress: it numbers added tokens by their order.
 *
 * @returns undefined when the directory has no tokenizer.json.
 * @throws when it has one that cannot be read token by token.
 */
export async function readTokenBytes(modelDir: string, vocabSize: number): Promise<Uint8Array[] | undefined> {
  const file = path.join(modelDir, "tokenizer.json");
  if (!existsSync(file)) return undefined;
  const text = await readFile(file, "utf8");
  const { added_tokens: added, decoder } = tokenizerJsonSchema.parse(JSON.parse(text));
  const tokenizer = Tokenizer.fromString(text);
  const special = added.filter((token) => token.special).map((token) => tokenizer.tokenToId(token.content));
  const specialIds = new Set(special.filter((id) => id !== null));
  const bytes = new TokenBytes((id) => tokenizer.idToToken(id), tokenSpelling(decoder), specialIds);
  return Array.from({ length: vocabSize }, (_, id) => bytes.of(id));
}
