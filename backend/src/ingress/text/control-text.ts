// Keeps what a caller writes from being read as the model's control tokens. A chat template is rendered to one string, in
// which `<|im_end|>` from the template and `<|im_end|>` typed by a user look alike; encoding that string would let a user
// close their own turn and speak as the system.
//
// So a caller's text is marked before rendering: a noncharacter is put behind the first character of every control token
// spelled in it, and doubled where the caller used it. In the rendered string an unmarked control token is therefore the
// template's own, and removing the marks gives back exactly what the caller wrote. Text without control tokens, which is
// nearly all text, stays as it is, so that templates which look into messages keep working. A control token spelled
// across two messages that a template joins without anything between them is not seen.

/** Unicode keeps U+FDD0 for internal use (The Unicode Standard, section 23.7). */
const mark = "\uFDD0";
const marked = new RegExp(`${mark}(${mark}?)`, "g");

/** A piece of a rendered prompt. */
export interface PromptSection {
  readonly text: string;
  /** True when the template's control tokens may be read in `text`; false when it must be read as plain characters. */
  readonly mayControl: boolean;
}

export class ControlText {
  readonly #spelled: RegExp | undefined;
  readonly #splitter: RegExp | undefined;

  /** `controlTokens` are the special tokens as they are spelled. */
  constructor(controlTokens: readonly string[]) {
    const longestFirst = controlTokens.filter((token) => token.length > 1).toSorted((a, b) => b.length - a.length);
    if (longestFirst.length === 0) return;
    const anyOf = longestFirst.map(escapeRegExp).join("|");
    // Matches one character, so that overlapping spellings are all marked.
    this.#spelled = new RegExp(`${mark}|(?=${anyOf})[^]`, "g");
    this.#splitter = new RegExp(`(${anyOf})`);
  }

  /** A caller's text as a template may see it. */
  protect(text: string): string {
    if (this.#spelled === undefined) return text;
    return text.replace(this.#spelled, (character) => character + mark);
  }

  /** Cuts a rendered prompt so that joining the sections' tokens gives the prompt's tokens. */
  sections(rendered: string): PromptSection[] {
    if (this.#splitter === undefined || !rendered.includes(mark)) return [{ text: rendered, mayControl: true }];
    const sections: PromptSection[] = [];
    let trusted = "";
    for (const piece of rendered.split(this.#splitter)) {
      if (!piece.includes(mark)) {
        trusted += piece;
        continue;
      }
      if (trusted !== "") sections.push({ text: trusted, mayControl: true });
      trusted = "";
      sections.push({ text: piece.replaceAll(marked, "$1"), mayControl: false });
    }
    if (trusted !== "") sections.push({ text: trusted, mayControl: true });
    return sections;
  }
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
