import fc from "fast-check";
import { expect, test } from "vitest";
import { allowsToken } from "#engine/sampling/token-mask.ts";
import { Grammars } from "./grammars.ts";
import type { SequenceGrammar } from "./sequence-grammar.ts";

const encoder = new TextEncoder();
const roomy = { maxEntries: 64, maxBytes: 1 << 20 };

function createGrammars(tokens: readonly (string | Uint8Array)[], cache = roomy): Promise<Grammars> {
  const tokenBytes = tokens.map((token) => (typeof token === "string" ? encoder.encode(token) : token));
  return Grammars.create({ tokenBytes, cache });
}

function allowedIds(
  sequence: SequenceGrammar,
  stopTokenIds: readonly number[] = [],
  mayStop = true,
): number[] | undefined {
  const mask = sequence.allowedNext(stopTokenIds, mayStop);
  return mask && Array.from({ length: mask.length * 32 }, (_, id) => id).filter((id) => allowsToken(mask, id));
}

/** Alternatives of which no two begin alike: others this XGrammar may take for what they are not (mlc-ai/xgrammar #618). */
function trieOf(texts: readonly string[]): string {
  const choices = [...Map.groupBy(texts, (text) => text.slice(0, 1))].map(([first, branch]) =>
    first === "" ? '""' : `"${first}" ${trieOf(branch.map((text) => text.slice(1)))}`,
  );
  return `(${choices.join(" | ")})`;
}

test("the mask is what trying every token gives", async () => {
  const tokens = ["<stop>", "a", "b", "c", "aa", "ab", "abc", "ca", ""];
  const grammars = await createGrammars(["", ...tokens.slice(1)]);
  const text = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 5 });
  fc.assert(
    fc.property(fc.uniqueArray(text, { minLength: 1, maxLength: 6 }), fc.infiniteStream(fc.nat(99)), (texts, draws) => {
      const sequence = grammars.open(`root ::= ${trieOf(texts)}\n`);
      for (let written = ""; ;) {
        const expected = tokens.flatMap((token, id) => {
          if (id === 0) return texts.includes(written) ? [0] : [];
          return token !== "" && texts.some((each) => each.startsWith(written + token)) ? [id] : [];
        });
        const allowed = allowedIds(sequence, [0]) ?? [];
        expect(allowed).toEqual(expected);
        const id = allowed[draws.next().value % allowed.length] ?? 0;
        if (id === 0) break;
        sequence.accept(id);
        written += tokens[id];
      }
      sequence.close();
    }),
    { numRuns: 60 },
  );
  expect(grammars.numOpen).toBe(0);
});

test("nothing but text is written: no piece of a character without the rest", async () => {
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  const grammars = await createGrammars([...bytes, Uint8Array.of(0x82, 0xac, 0x61), Uint8Array.of(0x82, 0xac, 0xff)]);
  const sequence = grammars.open("root ::= [^a]*\n");
  const leads = allowedIds(sequence) ?? [];
  expect(leads.filter((id) => id >= 0x80)).toEqual(Array.from({ length: 0xf5 - 0xc2 }, (_, index) => 0xc2 + index));
  sequence.accept(0xed);
  expect(allowedIds(sequence)).toEqual(Array.from({ length: 32 }, (_, index) => 0x80 + index));
  sequence.close();

  const other = grammars.open('root ::= [^a] "a"\n');
  other.accept(0xe2);
  // The euro's last two bytes, and the "a" behind it; not those that are followed by a byte of no character.
  expect(allowedIds(other)?.filter((id) => id >= 256)).toEqual([256]);
  other.close();
});

test("stop tokens are allowed exactly where the grammar is complete", async () => {
  const grammars = await createGrammars(["", "a", "b"]);
  const sequence = grammars.open('root ::= "a" "b"?\n');
  // "b" is named as a stop token too: it then is one, and no text.
  expect(allowedIds(sequence, [0, 2])).toEqual([1]);
  sequence.accept(1);
  expect(allowedIds(sequence, [0])).toEqual([0, 2]);
  expect(allowedIds(sequence, [0, 2])).toEqual([0, 2]);
  expect(allowedIds(sequence, [])).toEqual([2]);
  expect(allowedIds(sequence, [0], false)).toEqual([2]);
  sequence.accept(2);
  expect(allowedIds(sequence, [0], false)).toEqual([0]);
  expect(allowedIds(sequence, [])).toBeUndefined();
  sequence.close();
});

test("a grammar that the vocabulary cannot write is an error, not an endless wait", async () => {
  const grammars = await createGrammars(["", "a"]);
  const sequence = grammars.open('root ::= "b"\n');
  expect(() => sequence.allowedNext([0], true)).toThrow("cannot go on");
  sequence.close();
});

test("at most so many compiled grammars are kept, and an open one outlives its place in the cache", async () => {
  const grammars = await createGrammars(["", "a", "b"], { maxEntries: 2, maxBytes: 1 << 20 });
  const sequence = grammars.open('root ::= "a"\n');
  for (let index = 0; index < 10; index += 1) grammars.compile(`root ::= "b"{${index + 1}}\n`);
  expect(grammars.numCached).toBe(2);
  expect(allowedIds(sequence, [0])).toEqual([1]);
  sequence.close();
  sequence.close();
  expect(grammars.numOpen).toBe(0);
  grammars.close();
  expect(grammars.numCached).toBe(0);
});
