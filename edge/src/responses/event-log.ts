// The events of one response, as its region sent them, to be told again from any of them on.
import type { Shelf } from "#edge/storage/shelf.ts";

const numberAtEnd = /"sequence_number":(\d+)\}$/;

/** Texts are kept in the order of their names. */
const nameOf = (number: number): string => `event ${String(number).padStart(9, "0")}`;
const afterAll = "event :";

export class EventLog {
  readonly #texts: Shelf;
  readonly #decoder = new TextDecoder();
  /** The beginning of an event that is not whole yet. */
  #begun = "";
  #length = 0;

  constructor(texts: Shelf) {
    this.#texts = texts;
  }

  /** UTF-16 units since it was opened. */
  get length(): number {
    return this.#length;
  }

  /** Takes the next bytes of the stream. Returns whether there are new events. */
  append(bytes: Uint8Array): boolean {
    this.#begun += this.#decoder.decode(bytes, { stream: true });
    const end = this.#begun.lastIndexOf("\n\n") + 2;
    if (end === 1) return false;
    const events = eventsIn(this.#begun.slice(0, end));
    this.#begun = this.#begun.slice(end);
    const last = events.at(-1);
    if (last === undefined) return false;
    const text = events.join("");
    this.#length += text.length;
    this.#texts.put(nameOf(numberOf(last)), text);
    return true;
  }

  /** Each event after that of the number, with its number; -1 is before all. */
  after(number: number): { readonly number: number; readonly text: string }[] {
    const texts = this.#texts.getBetween(nameOf(number + 1), afterAll);
    const events = texts.flatMap(eventsIn).map((text) => ({ number: numberOf(text), text }));
    return events.filter((event) => event.number > number);
  }
}

/** Whole events; comments are for who listened then. */
function eventsIn(text: string): string[] {
  const blocks = text.split("\n\n").filter((block) => numberAtEnd.test(block));
  return blocks.map((block) => `${block.trimStart()}\n\n`);
}

function numberOf(event: string): number {
  return Number(numberAtEnd.exec(event.trimEnd())?.[1] ?? -1);
}
