// XGrammar 0.1.27 takes any byte from 0x80 up for a piece of a character, so that a grammar alone would let through bytes that
// are no text. Which tokens go on with well-formed UTF-8 depends on nothing but how far into a character the text is; that has
// few cases, and each gets its mask. Source: The Unicode Standard, table 3-7 (Well-Formed UTF-8 Byte Sequences).
import { allowToken, banToken, type TokenMask } from "#engine/sampling/token-mask.ts";

/** state -> the bytes that may come next, and the state that each leads to. */
const cases: readonly (readonly { readonly first: number; readonly last: number; readonly next: Utf8State }[])[] = [
  // After a character.
  [
    { first: 0x00, last: 0x7f, next: 0 },
    { first: 0xc2, last: 0xdf, next: 1 },
    { first: 0xe0, last: 0xe0, next: 4 },
    { first: 0xe1, last: 0xec, next: 2 },
    { first: 0xed, last: 0xed, next: 5 },
    { first: 0xee, last: 0xef, next: 2 },
    { first: 0xf0, last: 0xf0, next: 6 },
    { first: 0xf1, last: 0xf3, next: 3 },
    { first: 0xf4, last: 0xf4, next: 7 },
  ],
  // One, two and three bytes before the end of a character.
  [{ first: 0x80, last: 0xbf, next: 0 }],
  [{ first: 0x80, last: 0xbf, next: 1 }],
  [{ first: 0x80, last: 0xbf, next: 2 }],
  // After 0xe0, 0xed, 0xf0 and 0xf4: no overlong forms, no surrogates, nothing above U+10FFFF.
  [{ first: 0xa0, last: 0xbf, next: 1 }],
  [{ first: 0x80, last: 0x9f, next: 1 }],
  [{ first: 0x90, last: 0xbf, next: 2 }],
  [{ first: 0x80, last: 0x8f, next: 2 }],
];

const BROKEN = 255;

/** `state * 256 + byte` -> the state after it, or that the text is broken. */
const transitions = new Uint8Array(cases.length * 256).fill(BROKEN);
for (const [state, ways] of cases.entries()) {
  for (const { first, last, next } of ways) transitions.fill(next, state * 256 + first, state * 256 + last + 1);
}

/** How far into a character a text is; 0 is between two. */
export type Utf8State = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** For each state the tokens whose bytes go on with well-formed text. */
export class Utf8Masks {
  readonly #tokenBytes: readonly Uint8Array[];
  readonly #masks: readonly TokenMask[];
  /** The same, without tokens of no bytes where a character has begun: those that end an output leave it broken. */
  readonly #wholeMasks: readonly TokenMask[];

  constructor(tokenBytes: readonly Uint8Array[]) {
    this.#tokenBytes = tokenBytes;
    const numWords = Math.ceil((tokenBytes.length + 1) / 32);
    this.#masks = cases.map((_, state) => {
      const mask = new Int32Array(numWords);
      for (const [id, bytes] of tokenBytes.entries())
        if (follow(state as Utf8State, bytes) !== undefined) allowToken(mask, id);
      return mask;
    });
    this.#wholeMasks = this.#masks.map((mask, state) => (state === 0 ? mask : withoutEmpty(mask, tokenBytes)));
  }

  /** The tokens after which the text is whole, or can be made so. */
  goingOn(state: Utf8State): TokenMask {
    return this.#wholeMasks[state] ?? new Int32Array(0);
  }

  /** Takes those tokens out of the mask that would break the text. */
  narrow(mask: TokenMask, state: Utf8State): void {
    const own = this.#masks[state];
    for (let word = 0; word < mask.length; word += 1) mask[word] = (mask[word] ?? 0) & (own?.[word] ?? 0);
  }

  /** The state after a token. @throws when it breaks the text. */
  after(state: Utf8State, tokenId: number): Utf8State {
    const next = this.follow(state, tokenId);
    if (next === undefined) throw new Error(`token ${tokenId} breaks a character`);
    return next;
  }

  /** The state after a token; undefined when it breaks the text. */
  follow(state: Utf8State, tokenId: number): Utf8State | undefined {
    return follow(state, this.#tokenBytes[tokenId] ?? new Uint8Array(0));
  }
}

function withoutEmpty(mask: TokenMask, tokenBytes: readonly Uint8Array[]): TokenMask {
  const narrowed = mask.slice();
  for (const [id, { length }] of tokenBytes.entries()) if (length === 0) banToken(narrowed, id);
  return narrowed;
}

function follow(from: Utf8State, bytes: Uint8Array): Utf8State | undefined {
  let state: number = from;
  for (const byte of bytes) {
    state = transitions[state * 256 + byte] ?? BROKEN;
    if (state === BROKEN) return undefined;
  }
  return state as Utf8State;
}
