/**
 * Says when nothing has been noted for a while. There is one timer at a time, however much is noted: a Durable Object that set
 * another for every request would spend more on timers than on deciding.
 */
export class IdleTimer {
  readonly #idleAfterMs: number;
  readonly #onIdle: () => void;
  /** As it was when this was made: tests share an isolate with objects that live on, whose time is not theirs to move. */
  readonly #setTimeout = setTimeout;
  #notedAtMs = 0;
  #isRunning = false;

  constructor(idleAfterMs: number, onIdle: () => void) {
    this.#idleAfterMs = idleAfterMs;
    this.#onIdle = onIdle;
  }

  note(nowMs: number): void {
    this.#notedAtMs = nowMs;
    if (!this.#isRunning) this.#runFor(this.#idleAfterMs);
  }

  #runFor(delayMs: number): void {
    this.#isRunning = true;
    // The platform's is no method.
    const start = this.#setTimeout;
    start(() => {
      const untilIdleMs = this.#notedAtMs + this.#idleAfterMs - Date.now();
      if (untilIdleMs > 0) return this.#runFor(untilIdleMs);
      this.#isRunning = false;
      this.#onIdle();
    }, delayMs);
  }
}
