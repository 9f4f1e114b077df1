import { Worker } from "node:worker_threads";
import { AppError } from "@sluice/shared/errors.ts";
import { type EnginePort, typedPort } from "#engine/engine-port.ts";
import type {
  GrammarCompileReport,
  GrammarCompileRequest,
  GrammarCompileThreadData,
} from "#engine/grammar-compile-protocol.ts";
import type { CompiledGrammar } from "#engine/grammar/compiled-grammar.ts";

/** A grammar, or why there is none. */
export type Compilation =
  | { readonly kind: "compiled"; readonly compiled: CompiledGrammar }
  | { readonly kind: "fault"; readonly detail: string }
  /** It may have been the machine's fault, or that of what the thread did before. */
  | { readonly kind: "timeout"; readonly detail: string };

/** What turns a text into a grammar. One at a time. */
export interface GrammarCompiling {
  /** @param offset see `GrammarCompiler`. */
  compile(request: GrammarCompileRequest, vocabSize: number): Promise<Compilation>;
  close(): Promise<void>;
}

interface LiveThread {
  readonly worker: Worker;
  readonly port: EnginePort<GrammarCompileRequest, GrammarCompileReport>;
  /** Gets the next report, or what ended the thread. */
  settle: ((outcome: GrammarCompileReport | Error) => void) | undefined;
}

/**
 * Compiles in a thread that can be ended: compiling cannot be interrupted, and XGrammar aborts on what it does not like. A thread on
 * which a grammar failed is not used again; the next grammar starts another.
 */
export class GrammarCompilerThread implements GrammarCompiling {
  readonly #grammars: GrammarCompileThreadData["grammars"];
  readonly #timeoutMs: number;
  #thread: LiveThread | undefined;
  #isClosed = false;

  /** @param timeoutMs for one grammar, without the thread's start. */
  constructor(grammars: GrammarCompileThreadData["grammars"], timeoutMs: number) {
    this.#grammars = grammars;
    this.#timeoutMs = timeoutMs;
  }

  async compile(request: GrammarCompileRequest, vocabSize: number): Promise<Compilation> {
    const thread = this.#thread ?? (await this.#start(vocabSize));
    const timedOut = new Error(`not compiled within ${this.#timeoutMs} ms`);
    const answer = outcomeOf(thread);
    const timer = setTimeout(() => thread.settle?.(timedOut), this.#timeoutMs);
    thread.port.send(request);
    const outcome = await answer;
    clearTimeout(timer);
    if (!(outcome instanceof Error) && outcome.kind === "compiled") return outcome;
    await this.#giveUp(thread);
    if (outcome === timedOut) return { kind: "timeout", detail: timedOut.message };
    // The thread itself died, as it does when the grammar takes all memory.
    if (outcome instanceof Error) return { kind: "fault", detail: outcome.message };
    return { kind: "fault", detail: outcome.kind === "fault" ? outcome.detail : "the thread began anew" };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#thread !== undefined) await this.#giveUp(this.#thread);
  }

  /** Settles when it can compile. @throws what ended it instead. */
  async #start(vocabSize: number): Promise<LiveThread> {
    if (this.#isClosed) throw new AppError("unavailable", { detail: "closing" });
    const workerData: GrammarCompileThreadData = { grammars: this.#grammars, vocabSize };
    const entry = new URL(import.meta.resolve("#engine/grammar-compile-worker.ts"));
    const worker = new Worker(entry, { workerData, name: "grammars" });
    const thread: LiveThread = { worker, port: typedPort(worker), settle: undefined };
    this.#thread = thread;
    const end = (thrown: unknown): void => {
      if (this.#thread === thread) this.#thread = undefined;
      thread.settle?.(thrown instanceof Error ? thrown : new Error(String(thrown)));
    };
    worker.on("error", end);
    worker.on("exit", (code) => end(new Error(`the thread that compiles grammars ended: exit code ${code}`)));
    thread.port.onMessage((report) => thread.settle?.(report));
    const outcome = await outcomeOf(thread);
    if (outcome instanceof Error) throw outcome;
    return thread;
  }

  async #giveUp(thread: LiveThread): Promise<void> {
    if (this.#thread === thread) this.#thread = undefined;
    await thread.worker.terminate();
  }
}

function outcomeOf(thread: LiveThread): Promise<GrammarCompileReport | Error> {
  return new Promise((resolve) => {
    thread.settle = (outcome) => {
      thread.settle = undefined;
      resolve(outcome);
    };
  });
}
