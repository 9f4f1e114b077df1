// Finds the first stop string in a text that arrives in pieces. Each stop string is followed by a Knuth-Morris-Pratt
// automaton, so a character costs constant time for each stop string, however they overlap, and the result does not
// depend on where the pieces were cut.

export interface StopScan {
  /** Text that is certain to belong to the output. */
  readonly text: string;
  /** True when a stop string was completed: `text` ends right before it, and nothing may follow. */
  readonly stopped: boolean;
}

/**
 * Holds text back only as long as it could still become a stop string. The stop string that is completed first wins;
 * of those completed by the same character, the longest. It is not part of the output. Stop strings must be non-empty
 * and well-formed.
 */
export class StopStrings {
  readonly #automata: readonly PrefixAutomaton[];
  #held = "";

  constructor(stops: readonly string[]) {
    this.#automata = stops.map((stop) => new PrefixAutomaton(stop));
  }

  /** @param mayStop whether a stop string that is completed in `text` counts; one that does not is text like any other. */
  push(text: string, mayStop = true): StopScan {
    if (this.#automata.length === 0) return { text, stopped: false };
    const known = this.#held + text;
    for (let i = this.#held.length; i < known.length; i++) {
      const stopLength = this.#step(known.charCodeAt(i));
      if (stopLength > 0 && mayStop) {
        this.#held = "";
        return { text: known.slice(0, i + 1 - stopLength), stopped: true };
      }
    }
    const numHeld = Math.max(...this.#automata.map((automaton) => automaton.matched));
    this.#held = known.slice(known.length - numHeld);
    return { text: known.slice(0, known.length - numHeld), stopped: false };
  }

  /** The text still held when the output ends without a stop string. */
  flush(): string {
    const held = this.#held;
    this.#held = "";
    return held;
  }

  /** Length of the longest stop string that this code unit completes; 0 when none is. */
  #step(codeUnit: number): number {
    let longest = 0;
    for (const automaton of this.#automata) {
      longest = Math.max(longest, automaton.step(codeUnit));
    }
    return longest;
  }
}

class PrefixAutomaton {
  /** Length of the longest prefix of the pattern, not all of it, that the text ends with. */
  matched = 0;
  readonly #pattern: string;
  /** length of a matched prefix -> length of its longest proper prefix that is also its suffix. */
  readonly #fallback: Uint16Array;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#fallback = new Uint16Array(pattern.length + 1);
    let length = 0;
    for (let i = 1; i < pattern.length; i++) {
      while (length > 0 && pattern.charCodeAt(i) !== pattern.charCodeAt(length)) length = this.#fallback[length] ?? 0;
      if (pattern.charCodeAt(i) === pattern.charCodeAt(length)) length++;
      this.#fallback[i + 1] = length;
    }
  }

  /** The pattern's length when this code unit completes it, else 0. */
  step(codeUnit: number): number {
    while (this.matched > 0 && this.#pattern.charCodeAt(this.matched) !== codeUnit) {
      this.matched = this.#fallback[this.matched] ?? 0;
    }
    if (this.#pattern.charCodeAt(this.matched) === codeUnit) this.matched++;
    if (this.matched < this.#pattern.length) return 0;
    this.matched = this.#fallback[this.matched] ?? 0;
    return this.#pattern.length;
  }
}
