import { expect, test } from "vitest";
import { pickLastWords } from "./last-words.ts";

test("what speaks of an error goes before what comes after it", () => {
  const log = [
    "Starting local server...",
    "\u001b[31mERROR\u001b[0m *** Uncaught exception ***",
    "  workerd/util/sqlite.c++:914: failed: file is not a database: SQLITE_NOTADB",
    "",
    "goroutine 2263 [chan send]:",
    "github.com/evanw/esbuild/internal/bundler.ScanBundle.func2()",
    "\tgithub.com/evanw/esbuild/internal/bundler/bundler.go:1429 +0x4c5",
  ].join("\n");
  expect(pickLastWords(log)).toBe(
    "ERROR *** Uncaught exception ***\n  workerd/util/sqlite.c++:914: failed: file is not a database: SQLITE_NOTADB",
  );
});

test("where nothing does, the last lines are told, within bounds", () => {
  const log = Array.from({ length: 50 }, (_, index) => `line ${index} ${"x".repeat(1_000)}`).join("\n");
  const picked = pickLastWords(log).split("\n");
  expect(picked.map((line) => line.slice(0, 7))).toEqual([42, 43, 44, 45, 46, 47, 48, 49].map((n) => `line ${n}`));
  expect(picked.every((line) => line.length <= 300)).toBe(true);
});
