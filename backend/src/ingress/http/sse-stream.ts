import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { doneEvent, encodeEvent, pingComment } from "@sluice/shared/sse.ts";

export interface PingIntervals {
  /** Until the first event: the edge notices a client that left only when it has something to write. */
  readonly firstMs: number;
  /** Between events. */
  readonly laterMs: number;
}

/**
 * A response as server-sent events. Headers go out with the first event or, when there is none for a while, with the
 * first ping: until then a failure can still be an ordinary answer with its own status, and the edge may try elsewhere.
 */
export class SseStream<Payload = unknown> {
  readonly #response: ServerResponse;
  readonly #headers: () => Readonly<Record<string, string>>;
  readonly #intervals: PingIntervals;
  readonly #encode: (payload: Payload) => string;
  #ping: NodeJS.Timeout;
  #hasEvents = false;

  /** `headers` is asked for once, when they are sent. Always call `stop` in the end. */
  constructor(
    response: ServerResponse,
    intervals: PingIntervals,
    headers: () => Readonly<Record<string, string>> = () => ({}),
    encode: (payload: Payload) => string = encodeEvent,
  ) {
    this.#response = response;
    this.#headers = headers;
    this.#intervals = intervals;
    this.#encode = encode;
    this.#ping = this.#pingEvery(intervals.firstMs);
  }

  /**
   * Writes the payloads' events in one write and waits until the client has room for more. Rejects with the reason of
   * `signal` when that is aborted first.
   */
  async send(payloads: readonly Payload[], signal: AbortSignal): Promise<void> {
    if (this.#hasEvents) this.#ping.refresh();
    else this.#becomeEventful();
    if (this.#write(payloads.map(this.#encode).join(""))) return;
    await once(this.#response, "drain", { signal }).catch((error: unknown) => {
      throw signal.aborted ? signal.reason : error;
    });
  }

  /** Ends a stream that is whole, where that is not plain from its last event. */
  done(): void {
    this.#write(doneEvent);
    this.end();
  }

  end(): void {
    this.stop();
    this.#response.end();
  }

  /** Ends the pings; the response stays as it is. */
  stop(): void {
    clearInterval(this.#ping);
  }

  #becomeEventful(): void {
    this.#hasEvents = true;
    clearInterval(this.#ping);
    this.#ping = this.#pingEvery(this.#intervals.laterMs);
  }

  /** A client that does not take what it was sent gets no pings on top. */
  #pingEvery(intervalMs: number): NodeJS.Timeout {
    return setInterval(() => {
      if (!this.#response.writableNeedDrain) this.#write(pingComment);
    }, intervalMs);
  }

  #write(text: string): boolean {
    if (!this.#response.headersSent) {
      this.#response.writeHead(200, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
        // Proxies that buffer, such as nginx, must not.
        "x-accel-buffering": "no",
        ...this.#headers(),
      });
    }
    return this.#response.write(text);
  }
}
