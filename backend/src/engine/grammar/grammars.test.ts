import fc from "fast-check";
import { expect, test } from "vitest";
import { allowsToken } from "#engine/sampling/token-mask.ts";
import type { CompiledGrammar, GrammarId } from "./compiled-grammar.ts";
import { GrammarCompiler } from "./grammar-compiler.ts";
import { Grammars } from "./grammars.ts";
import { LocalGrammars } from "./local-grammars.ts";
import type { SequenceGrammar } from "./sequence-grammar.ts";

const encoder = new TextEncoder();

function bytesOf(tokens: readonly (string | Uint8Array)[]): Uint8Array[] {
  return tokens.map((token) => (typeof token === "string" ? encoder.encode(token) : token));
}

function createGrammars(tokens: readonly (string | Uint8Array)[]): Promise<LocalGrammars> {
  return LocalGrammars.create(bytesOf(tokens));
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
  expect(grammars.grammars.numOpen).toBe(0);
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

const limits = { arenaBytes: 1 << 20, maxGrammarBytes: 1 << 18 };

/** Two heaps of one vocabulary: one compiles, the other is the engine's. */
async function createPair(tokens: readonly string[]) {
  const options = { tokenBytes: bytesOf(tokens), ...limits };
  const compiler = await GrammarCompiler.create(options);
  const compile = (ebnf: string, offset: number): CompiledGrammar => {
    const compiled = compiler.compile(ebnf, offset);
    if (compiled === undefined) throw new Error("too large");
    return compiled;
  };
  return { compiler, compile, grammars: await Grammars.create(options) };
}

const first = 1 as GrammarId;
const second = 2 as GrammarId;

test("grammars that lie beside each other do not disturb each other, nor does what replaces one", async () => {
  const { compile, grammars } = await createPair(["", "a", "b", "c"]);
  const a = compile('root ::= "a" [abc]* "c"\n', 0);
  grammars.install(first, a);
  const sequence = grammars.open(first);
  const offset = Math.ceil(a.bytes.length / 16) * 16;
  for (let round = 0; round < 20; round += 1) {
    grammars.install(second, compile(`root ::= "b" {${round + 1}}\n`, offset + 1600 * round));
    const other = grammars.open(second);
    expect(allowedIds(other, [0])).toEqual([2]);
    other.close();
    grammars.drop(second);
  }
  sequence.accept(1);
  expect(allowedIds(sequence, [0])).toEqual([1, 2, 3]);
  sequence.accept(3);
  expect(allowedIds(sequence, [0])).toEqual([0, 1, 2, 3]);
  sequence.close();
  sequence.close();
  expect(grammars.numOpen).toBe(0);
});

test("a grammar leaves its place as it was: what sequences do with it is undone", async () => {
  const { compile, grammars } = await createPair(["", "a", "b", "c", "ab", "ca"]);
  const ebnf = 'root ::= item ("," item)*\nitem ::= [abc]{1,5} | "b" item\n';
  const compiled = compile(ebnf, 4096);
  expect(compile(ebnf, 4096).bytes).toEqual(compiled.bytes);
  grammars.install(first, compiled);
  const before = grammars.open(first);
  for (let round = 0; round < 50; round += 1) {
    const sequence = grammars.open(first);
    for (const id of [1, 4, 2]) {
      sequence.allowedNext([0], true);
      sequence.accept(id);
    }
    sequence.close();
  }
  expect(allowedIds(before, [0])).toEqual([1, 2, 3, 4, 5]);
  before.close();
});

test("a dropped grammar keeps its place until it is closed", async () => {
  const { compile, grammars } = await createPair(["", "a", "b"]);
  grammars.install(first, compile('root ::= "a"+\n', 0));
  const sequence = grammars.open(first);
  grammars.drop(first);
  grammars.install(second, compile('root ::= "b"\n', 0));
  expect(grammars.faultOf(second)).toContain("place");
  expect(() => grammars.open(second)).toThrow("place");
  expect(allowedIds(sequence, [0])).toEqual([1]);
  sequence.close();
  grammars.drop(second);
  expect(grammars.numInstalled).toBe(0);
  grammars.install(second, compile('root ::= "b"\n', 0));
  expect(grammars.faultOf(second)).toBeUndefined();
  expect(grammars.faultOf(first)).toContain("not installed");
});

test("what was compiled for another vocabulary, or lies outside of the arena, is not installed", async () => {
  const { compile, grammars } = await createPair(["", "a", "b"]);
  const other = await createPair(["", "a", "c"]);
  grammars.install(first, other.compile('root ::= "a"\n', 0));
  expect(grammars.faultOf(first)).toContain("another heap");
  grammars.install(second, compile('root ::= "a"\n', limits.arenaBytes - 16));
  expect(grammars.faultOf(second)).toContain("beyond");
});

test("one that takes more than it may is not compiled, and does no harm to the next", async () => {
  const { compiler } = await createPair(["", "a", "b"]);
  const members = Array.from({ length: 4000 }, (_, index) => `"a${index}" [a-z]`);
  expect(compiler.compile(`root ::= (${members.join(" | ")})\n`, 0)).toBeUndefined();
  expect(compiler.compile('root ::= "a"\n', 0)?.bytes.length).toBeLessThan(20_000);
});
