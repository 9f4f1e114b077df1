/** The Generate calls that are open, and whether new ones are taken. A call is open until its last byte went out or its caller left. */
export class LiveCalls {
  /** requestId -> ends the call from our side, with an error. */
  readonly #evictions = new Map<string, () => void>();
  readonly #draining = new AbortController();
  #noteIdle = (): void => {};

  /** Aborted when new calls are refused, for good. */
  get draining(): AbortSignal {
    return this.#draining.signal;
  }

  has(requestId: string): boolean {
    return this.#evictions.has(requestId);
  }

  /** Returns the way to close the call again; closing twice does nothing. */
  open(requestId: string, evict: () => void): () => void {
    this.#evictions.set(requestId, evict);
    return () => {
      if (this.#evictions.get(requestId) === evict) this.#evictions.delete(requestId);
      if (this.#evictions.size === 0) this.#noteIdle();
    };
  }

  /** Refuses new calls from now on and waits for the open ones, at most `graceMs`; then evicts those that are left. */
  async drain(graceMs: number): Promise<void> {
    this.#draining.abort();
    if (this.#evictions.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#noteIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    for (const evict of this.#evictions.values()) evict();
  }
}
