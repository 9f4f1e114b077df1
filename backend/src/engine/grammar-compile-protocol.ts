import type { CompiledGrammar } from "./grammar/compiled-grammar.ts";
import type { ModelGrammarsOptions } from "./grammar/model-grammars.ts";

/** What the thread that compiles grammars starts from. */
export interface GrammarCompileThreadData {
  readonly grammars: ModelGrammarsOptions;
  /** Of the model's logits. */
  readonly vocabSize: number;
}

export interface GrammarCompileRequest {
  readonly ebnf: string;
  /** See `GrammarCompiler`. */
  readonly offset: number;
}

/** `ready` comes once and first; then one answer for each request. After a fault the thread must not be used any more. */
export type GrammarCompileReport =
  | { readonly kind: "ready" }
  | { readonly kind: "compiled"; readonly compiled: CompiledGrammar }
  | { readonly kind: "fault"; readonly detail: string };
