// XGrammar in WebAssembly. Its package is CommonJS under the name of an ES module, so it is compiled here as what it is; and
// its own classes are asynchronous around calls that are not, and lose a handle with every matcher, so the binding behind them
// is taken. Both hold for the one version that package.json names.
import { readFile } from "node:fs/promises";
import { createRequire, Module } from "node:module";

/** Memory of the WebAssembly heap: nobody collects it. */
export interface Handle {
  /** Once; the handle must not be used after it. */
  delete(): void;
}

/** What of XGrammar's binding is used. A call that fails aborts: what it had allocated is lost. */
export interface XGrammar {
  readonly Grammar: { FromEBNF(ebnf: string, rootRule: string): Handle };
  readonly TokenizerInfo: new (
    vocabulary: Handle,
    vocabularyType: "RAW",
    vocabSize: number,
    stopTokenIds: Handle,
    prependSpace: boolean,
  ) => Handle;
  readonly GrammarCompiler: new (tokenizerInfo: Handle, maxThreads: number, cacheEnabled: boolean) => CompilerHandle;
  readonly GrammarMatcher: new (
    compiled: Handle,
    overrideStopTokenIds: undefined,
    terminateWithoutStopToken: boolean,
    maxRollbackTokens: number,
  ) => MatcherHandle;
  vecStringFromJSArray(tokens: readonly Uint8Array[]): Handle;
  vecIntFromJSArray(ids: readonly number[]): Handle;
  /** Shares the heap's memory: to be copied before the next call. */
  vecIntToView(vector: Handle): Int32Array;
}

interface CompilerHandle extends Handle {
  CompileGrammar(grammar: Handle): Handle;
}

export interface MatcherHandle extends Handle {
  AcceptToken(tokenId: number, verbose: boolean): boolean;
  /** One bit for each token id, the lowest first. */
  GetNextTokenBitmask(vocabSize: number): Handle;
}

interface CommonJsModule {
  exports: { bindingOf?: () => Promise<XGrammar> };
  _compile(source: string, filename: string): void;
}

/** A new instance, with a heap of its own. */
export async function loadXGrammar(): Promise<XGrammar> {
  const filename = createRequire(import.meta.url).resolve("@mlc-ai/web-xgrammar");
  const source = await readFile(filename, "utf8");
  const anchor = "exports.default = index;";
  const parts = source.split(anchor);
  if (parts.length !== 2) throw new Error("@mlc-ai/web-xgrammar is not the version that this was written for");
  const opened = parts.join(`exports.bindingOf = () => asyncInitBinding().then(() => binding);`);
  const module = new Module(filename) as unknown as CommonJsModule;
  module._compile(opened, filename);
  const { bindingOf } = module.exports;
  if (bindingOf === undefined) throw new Error("@mlc-ai/web-xgrammar did not load");
  return bindingOf();
}
