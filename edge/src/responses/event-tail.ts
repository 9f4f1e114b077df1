// Follows a response's stream as it passes, without holding more of it than one event: its last one carries the response.
import * as z from "zod/mini";
import { type EndedResponse, endedResponseSchema } from "./ended-response.ts";

const finalEvent = /^event: response\.(?:completed|incomplete|failed)\n/;
const numberAtEnd = /"sequence_number":(\d+)\}$/;
/** Longer than the end of any event that `numberAtEnd` reads. */
const numberLength = 48;

export class EventTail {
  readonly #decoder = new TextDecoder();
  readonly #maxLength: number;
  /** From the beginning of the last event that is not followed by another. */
  #held = "";
  #lastNumber = -1;
  #isTooLong = false;

  /** @param maxLength of an event, in UTF-16 units; one that is longer is not read. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  push(bytes: Uint8Array): void {
    if (this.#isTooLong) return;
    this.#held += this.#decoder.decode(bytes, { stream: true });
    const cut = this.#held.lastIndexOf("\n\n", this.#held.length - 3);
    if (cut >= 0) {
      this.#noteNumber(this.#held.slice(Math.max(0, cut - numberLength), cut));
      this.#held = this.#held.slice(cut + 2);
    }
    this.#isTooLong = this.#held.length > this.#maxLength;
  }

  /** The response, once the stream's last event is whole. */
  get final(): EndedResponse | undefined {
    if (this.#isTooLong || !this.#held.endsWith("\n\n") || !finalEvent.test(this.#held)) return undefined;
    const data: unknown = JSON.parse(this.#held.slice(this.#held.indexOf("\ndata: ") + 7));
    return z.object({ response: endedResponseSchema }).parse(data).response;
  }

  /** What the next event would be numbered. */
  get nextNumber(): number {
    if (this.#held.endsWith("\n\n")) this.#noteNumber(this.#held.slice(-numberLength).trimEnd());
    return this.#lastNumber + 1;
  }

  #noteNumber(end: string): void {
    const found = numberAtEnd.exec(end);
    if (found !== null) this.#lastNumber = Number(found[1]);
  }
}
