/** Finds where a JSON object that comes in pieces ends. It reads brackets and strings only: the grammar is others' business. */
export class JsonExtent {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /** Length of the part of `text` that belongs to the object; less than all of it when the object ends in it. */
  push(text: string): { readonly length: number; readonly hasEnded: boolean } {
    for (let at = 0; at < text.length; at += 1) {
      this.#step(text[at] ?? "");
      if (this.#depth === 0 && !this.#isInString) return { length: at + 1, hasEnded: true };
    }
    return { length: text.length, hasEnded: false };
  }

  #step(char: string): void {
    if (this.#isEscaped) this.#isEscaped = false;
    else if (this.#isInString && char === "\\") this.#isEscaped = true;
    else if (char === '"') this.#isInString = !this.#isInString;
    else if (this.#isInString) return;
    else if (char === "{" || char === "[") this.#depth += 1;
    else if (char === "}" || char === "]") this.#depth -= 1;
  }
}
