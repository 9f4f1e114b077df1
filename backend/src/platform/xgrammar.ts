// XGrammar in WebAssembly. Its package is CommonJS under the name of an ES module, so it is compiled here as what it is; and
// its own classes are asynchronous around calls that are not, lose a handle with every matcher, and hide the heap, so the binding
// behind them is taken. All of it holds for the one version that package.json names.
import { readFile } from "node:fs/promises";
import { createRequire, Module } from "node:module";

/** Memory of the WebAssembly heap: nobody collects it. */
export interface Handle {
  /** Once; the handle must not be used after it. */
  delete(): void;
  /** Embind's own: what the handle stands for. */
  readonly $$: { readonly ptr: number };
}

/** The WebAssembly heap as C sees it. Addresses and sizes in bytes. */
interface XGrammarHeap {
  /** Its buffer is another one after the heap has grown. */
  readonly memory: { readonly buffer: ArrayBuffer };
  /** 0 when there is no room. */
  readonly malloc: (sizeBytes: number) => number;
  readonly free: (address: number) => void;
}

/** What of XGrammar's binding is used. A call that fails aborts: what it had allocated is lost. */
export interface XGrammar {
  readonly heap: XGrammarHeap;
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

export interface CompilerHandle extends Handle {
  CompileGrammar(grammar: Handle): Handle;
}

export interface MatcherHandle extends Handle {
  AcceptToken(tokenId: number, verbose: boolean): boolean;
  /** One bit for each token id, the lowest first. */
  GetNextTokenBitmask(vocabSize: number): Handle;
}

interface CommonJsModule {
  exports: { createBinding?: (options: EmscriptenOptions) => Promise<XGrammar> };
  _compile(source: string, filename: string): void;
}

interface EmscriptenOptions {
  /** Gets each line that is written on stderr: why XGrammar aborts, which the error says as well. */
  readonly printErr: (line: string) => void;
  /** Part of the environment in the heap. By default the path of the script that runs. */
  readonly thisProgram: string;
}

/** anchor in the package's source -> what stands there instead */
const openings = {
  "exports.default = index;": "exports.createBinding = Module;",
  "var ___cxa_is_pointer_type=":
    'Module["heap"]={get memory(){return wasmMemory},malloc:size=>_malloc(size),free:address=>_free(address)};var ___cxa_is_pointer_type=',
};

/** A new instance, with a heap of its own: the same one in every thread. */
export async function loadXGrammar(): Promise<XGrammar> {
  const filename = createRequire(import.meta.url).resolve("@mlc-ai/web-xgrammar");
  let source = await readFile(filename, "utf8");
  for (const [anchor, opening] of Object.entries(openings)) {
    const parts = source.split(anchor);
    if (parts.length !== 2) throw new Error("@mlc-ai/web-xgrammar is not the version that this was written for");
    source = parts.join(opening);
  }
  const module = new Module(filename) as unknown as CommonJsModule;
  module._compile(source, filename);
  const { createBinding } = module.exports;
  if (createBinding === undefined) throw new Error("@mlc-ai/web-xgrammar did not load");
  return createBinding({ printErr: () => {}, thisProgram: "xgrammar" });
}
