// For tests: grammars compiled by the thread that asks.
import type { GrammarCompiler } from "#engine/grammar/grammar-compiler.ts";
import type { GrammarCompiling } from "./grammar-compiler-thread.ts";

export function compileHere(compiler: GrammarCompiler): GrammarCompiling {
  return {
    compile: ({ ebnf, offset }) => {
      const compiled = compiler.compile(ebnf, offset);
      return Promise.resolve(compiled ? { kind: "compiled", compiled } : { kind: "fault", detail: "too large" });
    },
    close: () => Promise.resolve(),
  };
}
