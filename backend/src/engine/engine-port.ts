import type { MessagePort, Worker } from "node:worker_threads";

/** One end of a channel between two threads. Messages are copied and arrive in order. */
export interface EnginePort<Sent, Received> {
  send(message: Sent): void;
  /** Every message that comes from now on, one call each. */
  onMessage(listener: (message: Received) => void): void;
}

/** Gives an end its types; both ends must mean the same protocol. */
export function typedPort<Sent, Received>(end: MessagePort | Worker): EnginePort<Sent, Received> {
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows: a thread has no origin
    send: (message) => end.postMessage(message),
    onMessage: (listener) => {
      end.on("message", listener);
    },
  };
}
