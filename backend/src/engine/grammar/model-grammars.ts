import type { GrammarCacheLimits } from "./grammar-cache.ts";
import { Grammars } from "./grammars.ts";
import { readTokenBytes } from "./read-token-bytes.ts";

/** Where the vocabulary is, and how many compiled grammars are kept. */
export interface ModelGrammarsOptions {
  readonly modelDir: string;
  readonly cache: GrammarCacheLimits;
}

/** Grammars over a model's vocabulary; undefined when its directory has no tokenizer.json. @param vocabSize of its logits. */
export async function createModelGrammars(
  { modelDir, cache }: ModelGrammarsOptions,
  vocabSize: number,
): Promise<Grammars | undefined> {
  const tokenBytes = await readTokenBytes(modelDir, vocabSize);
  return tokenBytes && Grammars.create({ tokenBytes, cache });
}
