import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { GrammarChecks } from "./grammar-checks.ts";

const modelDir = fileURLToPath(new URL("../../../models/pocket", import.meta.url));
const vocabSize = 2048;
const opened: GrammarChecks[] = [];

function createChecks(limits: { readonly maxBytes?: number; readonly timeoutMs?: number } = {}): GrammarChecks {
  const grammars = { modelDir, cache: { maxEntries: 4, maxBytes: 10_000 } };
  const checks = new GrammarChecks({ grammars, maxBytes: 10_000, timeoutMs: 60_000, ...limits });
  opened.push(checks);
  return checks;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((checks) => checks.close()));
});

test("a grammar that compiles passes, and is then known", async () => {
  const checks = createChecks();
  const ebnf = 'root ::= "a"\n';
  expect(checks.isKnown(ebnf)).toBe(false);
  await Promise.all([checks.check(ebnf, vocabSize), checks.check(ebnf, vocabSize)]);
  expect(checks.isKnown(ebnf)).toBe(true);
});

test("one on which the compiler aborts is refused, again without a try, and does no harm to the next", async () => {
  const checks = createChecks();
  const broken = 'root ::= "a';
  await expect(checks.check(broken, vocabSize)).rejects.toMatchObject({ code: "invalid_grammar" });
  expect(() => checks.isKnown(broken)).toThrow("Aborted");
  await checks.check('root ::= "b"\n', vocabSize);
});

test("one that takes too long is given up, and the next one is tried", async () => {
  const checks = createChecks({ timeoutMs: 1 });
  const slow = `root ::= ${Array.from({ length: 40 }, (_, index) => `[^${index % 10}]{0,200} "${index}"`).join(" ")}\n`;
  await expect(checks.check(slow, vocabSize)).rejects.toMatchObject({
    code: "invalid_grammar",
    message: expect.stringContaining("not compiled within"),
  });
  expect(checks.isKnown(slow)).toBe(false);
  await expect(checks.check('root ::= "a', vocabSize)).rejects.toMatchObject({ code: "invalid_grammar" });
});

test("one that is too long, and one too many, are refused at once", async () => {
  const checks = createChecks({ maxBytes: 100 });
  expect(() => checks.isKnown("x".repeat(101))).toThrow("more than 100 bytes");
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, (_, index) => checks.check(`root ::= "${index}"\n`, vocabSize)),
  );
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(refused).toHaveLength(4);
  expect(refused[0]?.reason).toMatchObject({ code: "server_is_overloaded" });
});
