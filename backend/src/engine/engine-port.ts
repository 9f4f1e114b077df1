import type { MessagePort, Worker } from "node:worker_threads";

/** One end of a channel between two threads. Messages are copied and arrive in order. */
export interface EnginePort<Sent, Received> {
  /** @param transferred buffers in the message that are handed over instead of copied. */
  send(message: Sent, transferred?: readonly ArrayBuffer[]): void;
  /** Every message that comes from now on, one call each. */
  onMessage(listener: (message: Received) => void): void;
}

/** Gives an end its types; both ends must mean the same protocol. */
export function typedPort<Sent, Received>(end: MessagePort | Worker): EnginePort<Sent, Received> {
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows: a thread has no origin
    send: (message, transferred = []) => end.postMessage(message, transferred),
    onMessage: (listener) => {
      end.on("message", listener);
    },
  };
}
