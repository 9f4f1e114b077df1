import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { AppError } from "@sluice/shared/errors.ts";
import { GrammarCache } from "#engine/grammar/grammar-cache.ts";
import type { ModelGrammarsOptions } from "#engine/grammar/model-grammars.ts";

export interface GrammarCheckOptions {
  /** Of a grammar's text. */
  readonly maxBytes: number;
  /** To compile one. */
  readonly timeoutMs: number;
  readonly grammars: ModelGrammarsOptions;
}

/** Grammars waiting for the thread; each may take the whole time limit. */
const MAX_WAITING = 16;
/** Verdicts are small. */
const verdictCache = { maxEntries: 4096, maxBytes: 16 * 1024 * 1024 };

/** Why a grammar is refused; undefined when it compiles. */
interface Verdict {
  readonly fault: string | undefined;
  readonly isTimeout?: boolean;
}

/**
 * Tries grammars before they come to the engine, in a thread that can be ended: compiling cannot be interrupted, XGrammar aborts
 * on what it does not like, and either would stop every sequence. One at a time; a grammar that was tried is not tried again
 * while its verdict is remembered. That it took too long is not remembered: the machine may have been busy.
 */
export class GrammarChecks {
  readonly #options: GrammarCheckOptions;
  readonly #verdicts = new GrammarCache<Verdict>(verdictCache);
  /** text -> its verdict to come. */
  readonly #pending = new Map<string, Promise<Verdict>>();
  #last: Promise<unknown> = Promise.resolve();
  #worker: Promise<Worker> | undefined;
  #isClosed = false;

  constructor(options: GrammarCheckOptions) {
    this.#options = options;
  }

  /**
   * Whether a text was found to compile, without waiting.
   *
   * @throws AppError `invalid_grammar` when it was found not to, or is too long.
   */
  isKnown(ebnf: string): boolean {
    if (ebnf.length > this.#options.maxBytes) {
      throw new AppError("invalid_grammar", { detail: `a grammar of more than ${this.#options.maxBytes} bytes` });
    }
    const verdict = this.#verdicts.get(ebnf);
    if (verdict?.fault !== undefined) throw new AppError("invalid_grammar", { detail: verdict.fault });
    return verdict !== undefined;
  }

  /**
   * Settles when the grammar may go to the engine.
   *
   * @param vocabSize of the model's logits.
   * @throws AppError `invalid_grammar`, or `server_is_overloaded` when too many wait.
   */
  async check(ebnf: string, vocabSize: number): Promise<void> {
    if (this.isKnown(ebnf)) return;
    const { fault } = await (this.#pending.get(ebnf) ?? this.#enqueue(ebnf, vocabSize));
    if (fault !== undefined) throw new AppError("invalid_grammar", { detail: fault });
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const worker = await this.#worker?.catch(() => undefined);
    await worker?.terminate();
  }

  #enqueue(ebnf: string, vocabSize: number): Promise<Verdict> {
    if (this.#pending.size >= MAX_WAITING) {
      throw new AppError("server_is_overloaded", { detail: "too many grammars wait to be tried", retryAfterMs: 1_000 });
    }
    const verdict = this.#last.then(() => this.#try(ebnf, vocabSize));
    this.#pending.set(ebnf, verdict);
    this.#last = verdict.then(
      (found) => {
        if (found.isTimeout !== true) this.#verdicts.set(ebnf, found);
        return this.#pending.delete(ebnf);
      },
      () => this.#pending.delete(ebnf),
    );
    return verdict;
  }

  async #try(ebnf: string, vocabSize: number): Promise<Verdict> {
    if (this.#isClosed) throw new AppError("unavailable", { detail: "closing" });
    this.#worker ??= this.#start(vocabSize);
    const worker = await this.#worker;
    const limit = AbortSignal.timeout(this.#options.timeoutMs);
    try {
      const answered = once(worker, "message", { signal: limit });
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows: a thread has no origin
      worker.postMessage(ebnf);
      const [{ fault }] = (await answered) as [{ fault: string | null }];
      if (fault === null) return { fault: undefined };
      await this.#giveUp(worker);
      return { fault };
    } catch (thrown) {
      await this.#giveUp(worker);
      if (limit.aborted) return { fault: `not compiled within ${this.#options.timeoutMs} ms`, isTimeout: true };
      // The thread itself died, as it does when the grammar takes all memory.
      return { fault: String(thrown) };
    }
  }

  /** What an abort leaves behind is not to be relied on. */
  async #giveUp(worker: Worker): Promise<void> {
    this.#worker = undefined;
    await worker.terminate();
  }

  async #start(vocabSize: number): Promise<Worker> {
    const entry = new URL(import.meta.resolve("#engine/grammar-check-worker.ts"));
    // XGrammar prints why it aborts; the verdict says enough.
    const workerData = { grammars: this.#options.grammars, vocabSize };
    const worker = new Worker(entry, { workerData, name: "grammar-checks", stderr: true });
    worker.stderr.resume();
    await once(worker, "message");
    return worker;
  }
}
