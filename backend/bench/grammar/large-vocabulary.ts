import { GrammarCompiler } from "#engine/grammar/grammar-compiler.ts";
import type { GrammarId } from "#engine/grammar/compiled-grammar.ts";
import { Grammars } from "#engine/grammar/grammars.ts";
import { planGrammar } from "#ingress/grammar/plan-grammar.ts";
import { Dice } from "../soak/dice.ts";
import { hardSchemas } from "./hard-schemas.ts";

/** What one schema costs over a vocabulary, in milliseconds of the processor. */
export interface VocabularyReport {
  readonly schema: string;
  readonly compileMs: number;
  /** Of the compiled grammar. */
  readonly sizeBytes: number;
  /** To put it into the engine's heap, which is what running streams wait for. */
  readonly installMs: number;
}

const arena = { arenaBytes: 256 * 1024 * 1024, maxGrammarBytes: 128 * 1024 * 1024 };

/** Each schema once, compiled in this thread. */
export async function measureVocabulary(tokenBytes: readonly Uint8Array[]): Promise<readonly VocabularyReport[]> {
  const compiler = await GrammarCompiler.create({ tokenBytes, ...arena });
  const grammars = await Grammars.create({ tokenBytes, ...arena });
  return Object.entries(hardSchemas).map(([schema, value], index) => {
    const ebnf = planGrammar({ guided_json: value })?.ebnf ?? "";
    const { result: compiled, ms: compileMs } = timed(() => compiler.compile(ebnf, 0));
    if (compiled === undefined) throw new Error(`${schema} does not fit`);
    const id = index as GrammarId;
    const { ms: installMs } = timed(() => grammars.install(id, compiled));
    grammars.drop(id);
    return { schema, compileMs, sizeBytes: compiled.bytes.length, installMs };
  });
}

function timed<Result>(run: () => Result): { readonly result: Result; readonly ms: number } {
  const before = process.cpuUsage();
  const result = run();
  const { user, system } = process.cpuUsage(before);
  return { result, ms: (user + system) / 1000 };
}

const letters = "etaoinshrdlucmfwypvbgkqjxz";
const others = ['"', ",", ":", "{", "}", "[", "]", ".", "-", "_", "/", "\n", "é", "ß", "日", "語", "中"];

/** The tokens given, and after them words at random, some behind a blank, as tokenizers have them: short ones are likelier. The last has no bytes. */
export function extendVocabulary(tokenBytes: readonly Uint8Array[], numTokens: number): readonly Uint8Array[] {
  const dice = new Dice(2);
  const words = new Set<string>();
  while (words.size < numTokens - tokenBytes.length - 1) {
    const length = dice.between(2, 11);
    const chars = Array.from({ length }, () =>
      dice.chance(0.97) ? letters[Math.floor(26 * dice.unit() * dice.unit())] : dice.pick(others),
    );
    words.add(`${dice.chance(0.4) ? " " : ""}${chars.join("")}`);
  }
  return [...tokenBytes, ...Array.from(words, (word) => Buffer.from(word)), new Uint8Array(0)];
}
