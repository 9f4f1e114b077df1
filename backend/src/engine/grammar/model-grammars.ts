import type { GrammarArenaLimits } from "./grammar-arena.ts";
import { GrammarCompiler } from "./grammar-compiler.ts";
import { Grammars } from "./grammars.ts";
import { readTokenBytes } from "./read-token-bytes.ts";

/** Where the vocabulary is, and how much compiled grammars may take. */
export interface ModelGrammarsOptions {
  readonly modelDir: string;
  readonly arena: GrammarArenaLimits;
}

/** Grammars over a model's vocabulary; undefined when its directory has no tokenizer.json. @param vocabSize of its logits. */
export async function createModelGrammars(
  { modelDir, arena: { arenaBytes } }: ModelGrammarsOptions,
  vocabSize: number,
): Promise<Grammars | undefined> {
  const tokenBytes = await readTokenBytes(modelDir, vocabSize);
  return tokenBytes && Grammars.create({ tokenBytes, arenaBytes });
}

/** What compiles for them, in whatever thread; undefined as they are. */
export async function createModelGrammarCompiler(
  { modelDir, arena }: ModelGrammarsOptions,
  vocabSize: number,
): Promise<GrammarCompiler | undefined> {
  const tokenBytes = await readTokenBytes(modelDir, vocabSize);
  return tokenBytes && GrammarCompiler.create({ tokenBytes, ...arena });
}
