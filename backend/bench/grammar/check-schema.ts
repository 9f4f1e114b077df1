// Whether a grammar is what its schema says, by an oracle that shares nothing with it: random walks through the masks of a real
// vocabulary must end in JSON that ajv finds valid; so must whatever near them the grammar takes; and a mask must be what trying
// a token says.
import type { ValidateFunction } from "ajv";
import type { LocalGrammars } from "#engine/grammar/local-grammars.ts";
import { allowsToken } from "#engine/sampling/token-mask.ts";
import { ByteGrammar } from "#ingress/fixtures/byte-grammar.ts";
import type { Dice } from "../soak/dice.ts";

/** A walk that takes more tokens is given up. */
const MAX_TOKENS = 200;
/** How often a walk takes a token that closes something, if there is one. */
const CLOSING = 0.4;
/** How many texts near one that was written are tried. */
const NUM_NEAR = 30;
/** How often a walk stops to try tokens, and how many. */
const TRYING = 0.05;
const NUM_TRIED = 40;

export interface SchemaCheck {
  readonly grammars: LocalGrammars;
  /** token id -> its bytes. */
  readonly tokenBytes: readonly Uint8Array[];
  readonly dice: Dice;
}

export interface SchemaVerdict {
  /** Texts that were written to their end. */
  readonly numEnded: number;
  /** Texts near them that the grammar takes. */
  readonly numNear: number;
  readonly problems: readonly string[];
}

export function checkSchema(
  ebnf: string,
  validate: ValidateFunction,
  numWalks: number,
  check: SchemaCheck,
): SchemaVerdict {
  const walker = new MaskWalker(ebnf, check);
  const byBytes = new ByteGrammar(ebnf);
  const problems: string[] = [];
  const ended = new Set<string>();
  const near = new Set<string>();
  for (let walk = 0; walk < numWalks; walk += 1) {
    const text = walker.walk();
    if (text === undefined) continue;
    ended.add(text);
    if (!byBytes.accepts(text)) problems.push(`written by tokens only: ${text}`);
    for (let count = 0; count < NUM_NEAR; count += 1) {
      const other = bent(text, check.dice);
      if (byBytes.accepts(other)) near.add(other);
    }
  }
  byBytes.close();
  for (const text of [...ended, ...near]) if (!isValid(validate, text)) problems.push(`not valid: ${text}`);
  return { numEnded: ended.size, numNear: near.size, problems: [...problems, ...walker.problems] };
}

class MaskWalker {
  readonly problems: string[] = [];
  readonly #ebnf: string;
  readonly #check: SchemaCheck;
  readonly #closing: ReadonlySet<number>;

  constructor(ebnf: string, check: SchemaCheck) {
    this.#ebnf = ebnf;
    this.#check = check;
    const closing = check.tokenBytes.entries().filter(([, bytes]) => /^["\]},]+$/.test(Buffer.from(bytes).toString()));
    this.#closing = new Set(closing.map(([id]) => id));
  }

  /** A text of tokens, each chosen from the mask; undefined when it does not end. */
  walk(): string | undefined {
    const { grammars, tokenBytes, dice } = this.#check;
    const stop = tokenBytes.findIndex((bytes) => bytes.length === 0);
    const sequence = grammars.open(this.#ebnf);
    const written: number[] = [];
    try {
      while (written.length < MAX_TOKENS) {
        const mask = sequence.allowedNext([stop], true);
        const allowed = [...tokenBytes.keys()].filter((id) => mask !== undefined && allowsToken(mask, id));
        if (dice.chance(TRYING)) this.#try(written, new Set(allowed), stop);
        const closers = allowed.filter((id) => id === stop || this.#closing.has(id));
        const id = dice.pick(closers.length > 0 && dice.chance(CLOSING) ? closers : allowed);
        if (id === stop) return Buffer.concat(written.map((each) => tokenBytes[each] ?? new Uint8Array())).toString();
        sequence.accept(id);
        written.push(id);
      }
      return undefined;
    } finally {
      sequence.close();
    }
  }

  /** Holds the mask behind the tokens against what taking a token gives. */
  #try(written: readonly number[], allowed: ReadonlySet<number>, stop: number): void {
    const { grammars, tokenBytes, dice } = this.#check;
    for (let count = 0; count < NUM_TRIED; count += 1) {
      const id = count % 2 === 0 ? dice.between(0, tokenBytes.length - 1) : dice.pick([...allowed]);
      if (id === stop || tokenBytes[id]?.length === 0) continue;
      const sequence = grammars.open(this.#ebnf);
      for (const each of written) sequence.accept(each);
      let isTaken = true;
      try {
        sequence.accept(id);
      } catch {
        isTaken = false;
      }
      sequence.close();
      if (isTaken !== allowed.has(id))
        this.problems.push(`token ${id} behind ${written.join(" ")}: mask and parser differ`);
    }
  }
}

const letters = Array.from('ab"\\é,:[]{}01-.e ntfu');

/** The text with one or two characters left out, doubled, changed, put in or moved. */
function bent(text: string, dice: Dice): string {
  const chars = Array.from(text);
  for (let changes = dice.between(1, 2); changes > 0; changes -= 1) {
    const at = dice.between(0, chars.length);
    const added = dice.pick([dice.pick(letters), chars[at] ?? "", chars[dice.between(0, chars.length)] ?? ""]);
    chars.splice(at, dice.between(0, 1), ...(dice.chance(0.7) ? [added] : []));
  }
  return chars.join("");
}

function isValid(validate: ValidateFunction, text: string): boolean {
  try {
    return validate(JSON.parse(text));
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return false;
    throw thrown;
  }
}
