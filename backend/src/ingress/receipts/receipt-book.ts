// What each request used, kept for the edge to ask. Bounded in time and number: what nobody fetched by then is forgotten, and
// the edge charges such a request as reserved.
import type { Receipt } from "@sluice/shared/receipt.ts";
import type { Clock } from "#platform/clock.ts";

export interface ReceiptBookLimits {
  /** How long a receipt is kept after its request ended. */
  readonly keepMs: number;
  /** Ended and running requests together; beyond it the oldest ended ones are forgotten. */
  readonly capacity: number;
  /** Longest wait for a running request to end, whatever is asked for. */
  readonly waitMs: number;
}

export type ReceiptLookup =
  | { readonly kind: "ended"; readonly receipt: Receipt }
  | { readonly kind: "running" }
  | { readonly kind: "none" };

interface Ended {
  readonly receipt: Receipt;
  readonly forgetAtMs: number;
}

export class ReceiptBook {
  readonly #limits: ReceiptBookLimits;
  readonly #clock: Clock;
  /** requestId -> settles when it ended, with or without a receipt. */
  readonly #running = new Map<string, PromiseWithResolvers<void>>();
  /** requestId -> its receipt, oldest first. */
  readonly #ended = new Map<string, Ended>();

  constructor(limits: ReceiptBookLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** A request began. Its receipt is asked for under the id of its passport. */
  open(requestId: string): void {
    this.#running.set(requestId, Promise.withResolvers());
  }

  /** A request ended; without a receipt when it came to nothing: no engine computed anything for it. */
  close(requestId: string, receipt: Receipt | undefined): void {
    this.#forget();
    if (receipt !== undefined) {
      this.#ended.set(requestId, { receipt, forgetAtMs: this.#clock.nowMs() + this.#limits.keepMs });
    }
    this.#running.get(requestId)?.resolve();
    this.#running.delete(requestId);
  }

  /** Waits a while for a request that is still running: who asks knows that it is ending. */
  async find(requestId: string, waitMs: number): Promise<ReceiptLookup> {
    const running = this.#running.get(requestId);
    if (running !== undefined) await waitFor(running.promise, Math.min(waitMs, this.#limits.waitMs));
    const ended = this.#ended.get(requestId);
    if (ended !== undefined) return { kind: "ended", receipt: ended.receipt };
    return { kind: this.#running.has(requestId) ? "running" : "none" };
  }

  #forget(): void {
    const nowMs = this.#clock.nowMs();
    for (const [requestId, { forgetAtMs }] of this.#ended) {
      const isOver = this.#ended.size + this.#running.size > this.#limits.capacity;
      if (forgetAtMs > nowMs && !isOver) return;
      this.#ended.delete(requestId);
    }
  }
}

async function waitFor(end: Promise<void>, waitMs: number): Promise<void> {
  const timeout = Promise.withResolvers<void>();
  const timer = setTimeout(timeout.resolve, waitMs);
  await Promise.race([end, timeout.promise]);
  clearTimeout(timer);
}
