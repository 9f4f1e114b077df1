// The completions under way: how many there may be, what ends them early, and when there are none.
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "@sluice/shared/errors.ts";
import type { Clock } from "#platform/clock.ts";
import type { CallLimits } from "./engines/engine-client.ts";

/** What a full or a leaving ingress asks for: short, since the edge has other regions to try meanwhile. */
const retryAfterMs = 1_000;
/** How long aborted answers may take to say so, and clients to read it. */
const farewellMs = 1_000;

export interface InFlightLimits {
  /** One more is refused. */
  readonly maxConcurrentRequests: number;
  /** From entering to the last byte of the answer. */
  readonly requestTimeoutMs: number;
}

export class InFlight {
  readonly #limits: InFlightLimits;
  readonly #clock: Clock;
  readonly #controllers = new Set<AbortController>();
  readonly #empty = Promise.withResolvers<void>();
  #isDraining = false;

  constructor(limits: InFlightLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get size(): number {
    return this.#controllers.size;
  }

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /**
   * Takes a request in until its response is closed: answered and flushed, or left by the client. Throws `server_is_overloaded` or
   * `unavailable` when there is no room. The signal is aborted when the client left, time is up, or the ingress must go.
   */
  enter(request: IncomingMessage, response: ServerResponse): CallLimits {
    if (this.#isDraining) throw new AppError("unavailable", { detail: "draining", retryAfterMs });
    if (this.size >= this.#limits.maxConcurrentRequests) throw new AppError("server_is_overloaded", { retryAfterMs });
    const controller = new AbortController();
    const { requestTimeoutMs } = this.#limits;
    let timeout = setTimeout(() => {
      // Answered, but the client does not take it; or it may not take what it is told now either.
      timeout = setTimeout(() => response.destroy(), response.writableEnded ? 0 : farewellMs);
      controller.abort(new AppError("deadline_exceeded"));
    }, requestTimeoutMs);
    // A pipelined response that waits for its turn hears nothing of its socket, so both are asked.
    const { socket } = request;
    const leave = (): void => {
      socket.off("close", leave);
      response.off("close", leave);
      clearTimeout(timeout);
      controller.abort(new AppError("request_cancelled"));
      this.#controllers.delete(controller);
      if (this.#isDraining && this.size === 0) this.#empty.resolve();
    };
    socket.once("close", leave);
    response.once("close", leave);
    this.#controllers.add(controller);
    return { signal: controller.signal, deadlineMs: this.#clock.nowMs() + requestTimeoutMs };
  }

  /** Lets nobody in any more. Resolves when the last one left; after `graceMs` the rest are ended with an error. */
  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true;
    if (this.size === 0) return;
    const grace = new AbortController();
    const graceOver = sleep(graceMs, undefined, { signal: grace.signal }).catch(() => undefined);
    await Promise.race([this.#empty.promise, graceOver]);
    grace.abort();
    if (this.size === 0) return;
    const reason = new AppError("unavailable", { publicText: "The region is shutting down.", retryAfterMs });
    for (const controller of this.#controllers) controller.abort(reason);
    await Promise.race([this.#empty.promise, sleep(farewellMs)]);
  }
}
