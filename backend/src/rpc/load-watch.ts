import type { ServerWritableStream } from "@grpc/grpc-js";
import type { WatchRequest, WatchResponse } from "@sluice/shared/gen/sluice/engine/v1/engine.ts";

/** The longest silence of a watch. */
const HEARTBEAT_MS = 1_000;

/** A message, and whether it says all there is to say; else the next one, an interval later, goes on. */
export interface Composed {
  readonly message: WatchResponse;
  readonly isWhole: boolean;
}

/**
 * One caller's view of the load: a message at once, then after a change but not sooner than `minIntervalMs` after the last
 * one, and at least once a second. A caller who does not read gets the newest load when it does, not every load it missed.
 */
export class LoadWatch {
  readonly #call: ServerWritableStream<WatchRequest, WatchResponse>;
  readonly #minIntervalMs: number;
  readonly #compose: () => Composed;
  readonly #heartbeat: NodeJS.Timeout;
  /** Running while the last message is younger than the interval. */
  #rest: NodeJS.Timeout | undefined;
  #changed = false;

  constructor(call: ServerWritableStream<WatchRequest, WatchResponse>, minIntervalMs: number, compose: () => Composed) {
    this.#call = call;
    this.#minIntervalMs = Math.min(minIntervalMs, HEARTBEAT_MS);
    this.#compose = compose;
    this.#heartbeat = setInterval(() => this.noteChange(), HEARTBEAT_MS);
    call.on("drain", () => this.#sendIfDue());
    this.noteChange();
  }

  noteChange(): void {
    this.#changed = true;
    this.#sendIfDue();
  }

  /** Sends nothing more; the call itself is the caller's to end. */
  close(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#rest);
    this.#changed = false;
  }

  #sendIfDue(): void {
    if (!this.#changed || this.#rest !== undefined || this.#call.writableNeedDrain) return;
    const { message, isWhole } = this.#compose();
    this.#changed = !isWhole;
    this.#call.write(message);
    this.#heartbeat.refresh();
    this.#rest = setTimeout(() => {
      this.#rest = undefined;
      this.#sendIfDue();
    }, this.#minIntervalMs);
  }
}
