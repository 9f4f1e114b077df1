// What models write before the arguments of a call in JSON: {"name": "f", "arguments": {…}}. Some put "type": "function" in
// front, Llama 3 says "parameters".

export type CallHead =
  /** `length` is up to the arguments' first brace. */
  | { readonly kind: "head"; readonly name: string; readonly length: number }
  /** More text may yet make it one. */
  | { readonly kind: "incomplete" }
  | { readonly kind: "none" };

/** A name that is longer is none. */
const maxNameLength = 256;
/** JSON's, and no other. */
const space = /[ \t\r\n]*/y;
const string = /"(?:[^"\\]|\\.)*"/y;
const type = ['"type"', ":", '"function"', ","] as const;

/** Reads a head at the beginning of `text`. @param argumentsKey as JSON. */
export function readCallHead(text: string, argumentsKey: '"arguments"' | '"parameters"'): CallHead {
  const reader = new HeadReader(text);
  reader.expect("{");
  if (reader.begins('"type"')) for (const word of type) reader.expect(word);
  for (const word of ['"name"', ":"]) reader.expect(word);
  const name = reader.readString();
  for (const word of [",", argumentsKey, ":"]) reader.expect(word);
  const length = reader.at;
  reader.expect("{");
  if (reader.verdict !== undefined) return { kind: reader.verdict };
  return { kind: "head", name, length: length + whiteSpaceAt(text, length) };
}

/** Goes on until something is missing; then it only remembers what. */
class HeadReader {
  readonly #text: string;
  at = 0;
  verdict: "incomplete" | "none" | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether the next word is, or may yet become, this one. */
  begins(word: string): boolean {
    const rest = this.#rest();
    return rest !== "" && (rest.startsWith(word) || word.startsWith(rest)) && !'"name"'.startsWith(rest);
  }

  expect(word: string): void {
    if (this.verdict !== undefined) return;
    const rest = this.#rest();
    if (rest.startsWith(word)) this.at = this.#text.length - rest.length + word.length;
    else this.verdict = word.startsWith(rest) ? "incomplete" : "none";
  }

  /** Empty where there is none. */
  readString(): string {
    if (this.verdict !== undefined) return "";
    const rest = this.#rest();
    string.lastIndex = 0;
    const found = string.exec(rest)?.[0];
    const value = found === undefined ? undefined : parse(found);
    if (found === undefined || typeof value !== "string") {
      const mayCome = found === undefined && (rest === "" || rest.startsWith('"')) && rest.length <= maxNameLength;
      this.verdict = mayCome ? "incomplete" : "none";
      return "";
    }
    this.at = this.#text.length - rest.length + found.length;
    return value;
  }

  /** Without the white space before it. */
  #rest(): string {
    return this.#text.slice(this.at + whiteSpaceAt(this.#text, this.at));
  }
}

function whiteSpaceAt(text: string, at: number): number {
  space.lastIndex = at;
  return space.exec(text)?.[0].length ?? 0;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
