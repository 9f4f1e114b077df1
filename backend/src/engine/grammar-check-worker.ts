// The entry of a thread that only tries grammars: whatever one does to it, the engine's thread goes on. Says `ready` once, then
// for each grammar that it is sent why it does not compile, or null.
import { parentPort, workerData } from "node:worker_threads";
import { createModelGrammars, type ModelGrammarsOptions } from "./grammar/model-grammars.ts";

const port = parentPort;
if (port === null) throw new Error("this file is a worker's entry");
const { grammars: options, vocabSize }: { grammars: ModelGrammarsOptions; vocabSize: number } = workerData;
const grammars = await createModelGrammars(options, vocabSize);
port.on("message", (ebnf: string) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows: a thread has no origin
  port.postMessage({ fault: faultOf(ebnf) });
});
port.postMessage("ready");

function faultOf(ebnf: string): string | null {
  try {
    grammars?.compile(ebnf);
    return null;
  } catch (thrown) {
    return String(thrown);
  }
}
