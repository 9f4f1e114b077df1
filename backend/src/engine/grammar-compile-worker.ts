// The entry of a thread that only compiles grammars: whatever one does to it, the engine's thread goes on. Says `ready` once, then
// answers each text in turn.
import { parentPort, workerData } from "node:worker_threads";
import { typedPort } from "./engine-port.ts";
import type {
  GrammarCompileReport,
  GrammarCompileRequest,
  GrammarCompileThreadData,
} from "./grammar-compile-protocol.ts";
import { createModelGrammarCompiler } from "./grammar/model-grammars.ts";

if (parentPort === null) throw new Error("this file is a worker's entry");
const port = typedPort<GrammarCompileReport, GrammarCompileRequest>(parentPort);
const { grammars, vocabSize }: GrammarCompileThreadData = workerData;
const compiler = await createModelGrammarCompiler(grammars, vocabSize);
port.onMessage((request) => answer(request));
port.send({ kind: "ready" });

function answer({ ebnf, offset }: GrammarCompileRequest): void {
  if (compiler === undefined) {
    port.send({ kind: "fault", detail: "the model has no tokenizer.json, which grammars need" });
    return;
  }
  try {
    const compiled = compiler.compile(ebnf, offset);
    if (compiled === undefined) {
      port.send({ kind: "fault", detail: `compiled it takes more than ${grammars.arena.maxGrammarBytes} bytes` });
      return;
    }
    port.send({ kind: "compiled", compiled }, [compiled.bytes.buffer]);
  } catch (thrown) {
    port.send({ kind: "fault", detail: String(thrown) });
  }
}
