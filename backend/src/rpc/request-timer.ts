import type { Finish, SequenceEvent } from "#engine/generation.ts";
import type { Clock } from "#platform/clock.ts";

/** Where the time of one sequence went, in milliseconds, and what it came to. */
export interface FinishedRequest {
  readonly finish: Finish;
  /** From the call to the step in which it started. */
  readonly queueMs: number;
  /** From there to its first token. */
  readonly prefillMs: number;
  /** From its first token to its last. */
  readonly decodeMs: number;
  /** From the call to its last token. */
  readonly e2eMs: number;
}

/** What a request asks for. */
interface AskedRequest {
  /** Choices. */
  readonly n: number;
  /** Of each choice. */
  readonly maxTokens: number;
}

/** Hears of requests as they go on. Those that fail, or that their callers leave, are not heard of at their end. */
export interface RequestObserver {
  noteAdmitted(asked: AskedRequest): void;
  noteFirstToken(afterMs: number): void;
  noteNextToken(afterMs: number): void;
  /** One of the choices finished. */
  noteFinished(request: FinishedRequest): void;
  /** All choices ended. @param numTokens sampled for the longest of those that finished. */
  noteLongest(numTokens: number): void;
}

/** Takes one request's times, from the moment it is made; each of its choices is a sequence of its own. */
export class RequestTimer {
  readonly #clock: Clock;
  readonly #observer: RequestObserver;
  readonly #calledMs: number;
  #startedMs: number | undefined;
  #numOpen: number;
  #longest: number | undefined;
  // index of a choice -> when its first token came, and its newest
  readonly #tokens = new Map<number, { readonly firstMs: number; lastMs: number }>();

  /** @param n how many choices it has. */
  constructor(clock: Clock, observer: RequestObserver, n: number) {
    this.#clock = clock;
    this.#observer = observer;
    this.#numOpen = n;
    this.#calledMs = clock.monotonicMs();
  }

  /** The request started so long ago. All its choices wait for the same prompt, so they start together. */
  noteStart(agoMs: number): void {
    this.#startedMs = this.#clock.monotonicMs() - agoMs;
  }

  /** So many choices ended of which nothing more will be told, since their caller left them. */
  noteDropped(numChoices: number): void {
    this.#end(numChoices);
  }

  note(event: SequenceEvent, index: number): void {
    if (event.kind === "failed") return;
    const nowMs = this.#clock.monotonicMs();
    // A stop token is sampled like any other, and not told.
    const isToken = event.tokenIds.length > 0 || (event.kind === "finished" && event.finish.reason === "stop");
    if (isToken) this.#noteToken(index, nowMs);
    if (event.kind === "finished" && event.finish.reason !== "abort") this.#finish(event.finish, index, nowMs);
  }

  #noteToken(index: number, nowMs: number): void {
    const tokens = this.#tokens.get(index);
    if (tokens === undefined) {
      this.#tokens.set(index, { firstMs: nowMs, lastMs: nowMs });
      this.#observer.noteFirstToken(nowMs - this.#calledMs);
    } else {
      this.#observer.noteNextToken(nowMs - tokens.lastMs);
      tokens.lastMs = nowMs;
    }
  }

  #finish(finish: Finish, index: number, nowMs: number): void {
    const startedMs = Math.max(this.#calledMs, this.#startedMs ?? nowMs);
    const firstMs = this.#tokens.get(index)?.firstMs ?? nowMs;
    this.#observer.noteFinished({
      finish,
      queueMs: startedMs - this.#calledMs,
      prefillMs: firstMs - startedMs,
      decodeMs: nowMs - firstMs,
      e2eMs: nowMs - this.#calledMs,
    });
    this.#longest = Math.max(this.#longest ?? 0, finish.numCompletionTokens);
    this.#end(1);
  }

  #end(numChoices: number): void {
    this.#numOpen -= numChoices;
    if (this.#numOpen === 0 && this.#longest !== undefined) this.#observer.noteLongest(this.#longest);
  }
}
