/** What can be done to an open call from outside of it. */
export interface LiveCall {
  /** Ends it from our side, with an error. */
  evict(): void;
  abortChoices(indexes: readonly number[]): void;
}

/** The calls that run sequences and are open, and whether new ones are taken. A call is open until its last byte went out or its caller left. */
export class LiveCalls {
  // requestId -> its call
  readonly #calls = new Map<string, LiveCall>();
  readonly #draining = new AbortController();
  #noteIdle = (): void => {};

  /** Aborted when new calls are refused, for good. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  /** Absent when no such call is open. */
  find(requestId: string): LiveCall | undefined {
    return this.#calls.get(requestId);
  }

  /** Returns the way to close the call again; closing twice does nothing. */
  open(requestId: string, call: LiveCall): () => void {
    this.#calls.set(requestId, call);
    return () => {
      if (this.#calls.get(requestId) === call) this.#calls.delete(requestId);
      if (this.#calls.size === 0) this.#noteIdle();
    };
  }

  /** Refuses new calls from now on and waits for the open ones, at most `graceMs`; then evicts those that are left. */
  async drain(graceMs: number): Promise<void> {
    this.#draining.abort();
    if (this.#calls.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#noteIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    for (const call of this.#calls.values()) call.evict();
  }
}
